"""Image classifiers of transformers as their configurations build them."""

from __future__ import annotations

import os

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForImageClassification, PreTrainedConfig, PreTrainedModel

from .modeling_vgg import VggForImageClassification

TIMM = "timm_wrapper"
NEEDS_TIMM = "needs timm, and a torchvision that fits torch: pip install 'vpns_hf[timm]'"


def stock_classifier(config: PreTrainedConfig, **options: object) -> PreTrainedModel:
    """Returns a new image classifier of that configuration.

    A saved model brings the VGG along. Loaded from a folder, its configuration and its modeling files are copied to
    two places, so that `config` may be of a class that is this one's twin and known to nobody.

    Raises:
        ValueError: if it is a network of timm, which cannot be imported.
    """
    vgg_config = VggForImageClassification.config_class
    if config.model_type == vgg_config.model_type:
        config = vgg_config.from_dict(config.to_dict())
    if config.model_type == TIMM:
        check_timm(f"the network, {config.architecture} of timm,")
    return AutoModelForImageClassification.from_config(config, **options)


def stock_config(name_or_path: str | os.PathLike, **hub_options: object) -> PreTrainedConfig:
    """Returns the configuration of a saved classifier.

    timm writes the number of classes among the arguments of a network as well, where the wrapper of transformers, which
    gives it anyway, fails at it.
    """
    config = AutoConfig.from_pretrained(name_or_path, **hub_options)
    if config.model_type == TIMM:
        arguments = {name: value for name, value in (config.model_args or {}).items() if name != "num_classes"}
        config.model_args = arguments or None
    return config


def check_timm(what: str) -> None:
    """Raises ValueError if timm, or torchvision on which it stands, cannot be imported; the message begins with `what`."""
    try:
        import timm  # noqa: F401 (its import is what fails)
    except (ImportError, RuntimeError) as error:  # a torchvision of another build of torch raises the latter
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ValueError(f"{what} {NEEDS_TIMM} ({reason})") from error


@torch.no_grad()
def uncalled_layers(config: PreTrainedConfig, side: int) -> set[str]:
    """Returns the names of layers of a network of timm whose forward is not called for pictures of that side, in pixels.

    Some attentions read the weight of a linear layer themselves. Nothing is computed: all is done on the meta device.
    """
    if config.model_type != TIMM:
        return set()
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        network, called = stock_classifier(config).eval(), set()
        for name, layer in network.named_modules():
            layer.register_forward_pre_hook(lambda *_, name=name: called.add(name))
        try:
            network(torch.empty(1, 3, side, side))
        except Exception:  # it takes no such pictures, or needs their values: whoever runs it will say so
            return set()
    layers = {name for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)}
    return layers - called
