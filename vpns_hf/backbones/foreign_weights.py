"""From the tensors of another library to an image classifier of transformers."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from transformers import AutoModelForImageClassification, PreTrainedConfig, PreTrainedModel

from ..errors import InputError
from .backbone import IMAGENET, Backbone
from .layouts import LAYOUTS, Layout, Shapes, layouts


def from_tensors(tensors: Mapping[str, Tensor]) -> Backbone:
    """Builds the classifier that the names and shapes of a state dict belong to; normalised as usual for ImageNet.

    A classifier that is absent, or of another shape, is left random and said in `lost_head`.

    Raises:
        InputError: if no layout is known by these names, or any other tensor is missing, left over or misshaped.
    """
    if any(name.endswith(".popup_scores") for name in tensors):
        raise InputError(
            "it is a checkpoint of the released code of VPNs, pruned already; "
            "`vpns convert` makes a model folder of it"
        )
    layout, config = _recognise(tensors)
    misfits = _head_misfits(layout, config, tensors)
    state_dict = layout.from_theirs({**tensors, **misfits}, config)
    lost_head = f"the saved weights lack or misfit the classifier ({', '.join(misfits)})" if misfits else None
    return Backbone(build(config, state_dict), IMAGENET, lost_head=lost_head)


def build(config: PreTrainedConfig, state_dict: Mapping[str, Tensor]) -> PreTrainedModel:
    """Returns the stock classifier of `config` with copies of these tensors, in float32 and evaluation mode."""
    with torch.device("meta"):
        model = AutoModelForImageClassification.from_config(config, dtype=torch.float32)
    copies = {
        name: tensor.to(torch.float32, copy=True) if tensor.is_floating_point() else tensor.clone()
        for name, tensor in state_dict.items()
    }
    model.load_state_dict(copies, strict=True, assign=True)
    return model.eval()


def _recognise(tensors: Mapping[str, Tensor]) -> tuple[Layout, PreTrainedConfig]:
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    without_head = [(layout, {**shapes, f"{layout.head}.weight": torch.Size([1, 1])}) for layout in layouts()]
    for layout, named in [*((layout, shapes) for layout in layouts()), *without_head]:
        config = _config(layout, named)
        if config is not None:
            return layout, config
    known = ", ".join(f"{', '.join(models)} of {library}" for library, models in LAYOUTS.items())
    raise InputError(
        f"tensors named {', '.join(list(tensors)[:3])}, ... belong to no network known by its names ({known}); "
        "give a folder or a Hub id in the layout of transformers"
    )


def _config(layout: Layout, shapes: Shapes) -> PreTrainedConfig | None:
    try:
        return layout.config(shapes)
    except (IndexError, KeyError) as error:
        raise InputError(
            f"tensors named {', '.join(list(shapes)[:3])}, ... are incomplete or misshaped: their network cannot be told"
        ) from error


def _head_misfits(layout: Layout, config: PreTrainedConfig, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns stand-ins for the tensors of the classifier that are absent or of another shape."""
    expected = {name: shape for name, shape in layout.shapes(config).items() if name.startswith(f"{layout.head}.")}
    return {
        name: torch.zeros(shape)
        for name, shape in expected.items()
        if name not in tensors or tensors[name].shape != shape
    }
