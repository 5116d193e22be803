"""Configuration of a pruned image classifier with a visual prompt."""

import math
import re
from typing import Any

from huggingface_hub.dataclasses import strict
from transformers import CONFIG_MAPPING, AutoConfig, PreTrainedConfig

from .configuration_vgg import VggConfig
from .sparse_storage import STORAGE_VERSION
from .visual_prompts import VISUAL_PROMPTS

CHANNEL = "channel"
GRANULARITIES = ("weight", "kernel", CHANNEL)
CHANNEL_ORDERS = ("rgb", "bgr")


@strict
class VPNsConfig(PreTrainedConfig):
    """Describes the backbone, the visual prompt before it and how its layers are masked.

    Args:
        backbone_config: configuration (or its dict) of a Hugging Face image classifier; its classes are the *source*
            classes. The `id2label` of this configuration holds the *target* classes.
        visual_prompt: name of the visual prompt, a key of `VISUAL_PROMPTS`.
        prompt_size: border width of `pad`, side of the square of `fix` and `random`, in pixels.
        prompt_seed: seed of the place where `random` puts its square in evaluation.
        image_size: side I of the square input images, in pixels.
        output_size: side O of the picture the backbone sees when prompted, in pixels; `None` means I.
        image_mean: per-channel mean subtracted after the prompt, for pixels in [0, 1].
        image_std: per-channel standard deviation divided by after the prompt, for pixels in [0, 1].
        channel_order: what the backbone takes: `rgb`, or `bgr`, to which the picture is turned before mean and std.
        granularity: what one mask entry removes: `weight` a single weight, `kernel` all positions of one input at one output;
            N:M, such as 2:4, is weights of which N of every M inputs stay; `channel` is whole channels, see `widths`.
        label_mapping_method: how the label mapping was found; the mapping itself is a tensor of the model.
        prompt_at_inference: whether `model(x)` applies the prompt when `prompted` is not given.
        sparsity: fraction of prunable weights removed, in [0, 1], written by `save_pretrained` from the masks.
        storage_version: version of the layout of the saved weights, see `sparse_storage.py`.
        widths: {backbone layer that is thinner than its configuration says: its outputs, and inputs where it has any}; `None`
            where no channels were removed.
        dense_weights: how many prunable weights the network had before channels were removed; `None` where none were.

    Raises:
        ValueError: if a field has a value that is not allowed.
    """

    model_type = "vpns"

    backbone_config: Any = None
    visual_prompt: str = "pad"
    prompt_size: int = 16
    prompt_seed: int = 0
    image_size: int = 224
    output_size: int | None = None
    image_mean: list[float | int] | tuple[float | int, ...] = (0.485, 0.456, 0.406)
    image_std: list[float | int] | tuple[float | int, ...] = (0.229, 0.224, 0.225)
    channel_order: str = "rgb"
    granularity: str = "weight"
    label_mapping_method: str | None = None
    prompt_at_inference: bool = True
    sparsity: float | int | None = None
    storage_version: int | None = None
    widths: dict[str, list[int]] | None = None
    dense_weights: int | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        if isinstance(self.backbone_config, dict):
            self.backbone_config = _backbone_config(self.backbone_config)
        self.image_mean, self.image_std = list(self.image_mean), list(self.image_std)
        self._check()
        super().__post_init__(**kwargs)

    def __repr__(self) -> str:
        """Returns the fields in one line, without class names and the backbone's fields; `to_json_string` has all.

        Loading formats the configuration even if nobody reads it: two thousand names would take a fifth of that time.
        """
        left_out = {"id2label", "label2id", "backbone_config"}
        fields = {key: value for key, value in vars(self).items() if key in type(self).__annotations__}
        shown = [f"{key}={value!r}" for key, value in fields.items() if key not in left_out]
        backbone = getattr(self.backbone_config, "model_type", None)
        return f"{type(self).__name__}(backbone={backbone!r}, num_labels={self.num_labels}, {', '.join(shown)})"

    @property
    def prompted_size(self) -> int:
        """Side O of the picture the backbone sees when prompted, in pixels."""
        return self.image_size if self.output_size is None else self.output_size

    def _check(self) -> None:
        if self.visual_prompt not in VISUAL_PROMPTS:
            raise ValueError(f"visual_prompt is {self.visual_prompt!r}; allowed: {', '.join(VISUAL_PROMPTS)}")
        if self.granularity not in GRANULARITIES and n_of_m(self.granularity) is None:
            raise ValueError(
                f"granularity is {self.granularity!r}; allowed: {', '.join(GRANULARITIES)}, N:M such as 2:4"
            )
        if self.channel_order not in CHANNEL_ORDERS:
            raise ValueError(f"channel_order is {self.channel_order!r}; allowed: {', '.join(CHANNEL_ORDERS)}")
        numbers = all(math.isfinite(value) for value in self.image_mean + self.image_std)
        if not numbers or len(self.image_mean) != 3 or len(self.image_std) != 3 or min(self.image_std) <= 0:
            raise ValueError(
                f"image_mean is {self.image_mean} and image_std {self.image_std}; give three numbers each, the latter above 0"
            )
        if self.sparsity is not None and not 0 <= self.sparsity <= 1:
            raise ValueError(f"sparsity is {self.sparsity}; it must be in [0, 1]")
        if self.storage_version not in (None, STORAGE_VERSION):
            advice = "update it" if self.storage_version > STORAGE_VERSION else "load and save it with vpns_hf 0.1.0"
            raise ValueError(
                f"storage_version is {self.storage_version}; this code reads {STORAGE_VERSION} only: {advice}"
            )
        if self.image_size < 1:
            raise ValueError(f"image_size is {self.image_size}; it must be at least 1 pixel")
        if self.prompted_size < self.image_size:
            raise ValueError(
                f"output_size is {self.output_size}, below image_size {self.image_size}; make it at least as large"
            )


def n_of_m(granularity: str) -> tuple[int, int] | None:
    """Returns N and M of a granularity such as "2:4", 1 <= N < M <= 64; None if it is not of that form."""
    found = re.fullmatch(r"([1-9]\d?):([1-9]\d?)", granularity)
    if found is None:
        return None
    kept, of = map(int, found.groups())
    return (kept, of) if kept < of <= 64 else None


def _backbone_config(fields: dict[str, Any]) -> PreTrainedConfig:
    fields = dict(fields)
    if "model_type" not in fields:
        raise ValueError("backbone_config has no model_type; give the configuration of an image classifier")
    model_type = fields.pop("model_type")
    if model_type == VggConfig.model_type:  # the sibling's, whichever VggConfig was registered last
        return VggConfig(**fields)
    if model_type == "timm_wrapper":  # says its classes in timm's words, which `from_dict` reads
        return CONFIG_MAPPING[model_type].from_dict(fields)
    return AutoConfig.for_model(model_type, **fields)
