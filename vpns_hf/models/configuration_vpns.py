"""Configuration of a pruned image classifier with a visual prompt."""

from __future__ import annotations

from typing import Any

from transformers import AutoConfig, PreTrainedConfig

GRANULARITIES = ("weight",)


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
        granularity: what one mask entry removes; `weight` is a single weight.
        label_mapping_method: how the label mapping was found; the mapping itself is a tensor of the model.
        prompt_at_inference: whether `model(x)` applies the prompt when `prompted` is not given.
        sparsity: fraction of prunable weights removed, in [0, 1), written by `save_pretrained` from the masks.
        storage_version: version of the layout of the saved weights, see `sparse_storage.py`.

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
    image_mean: list[float] | tuple[float, ...] = (0.485, 0.456, 0.406)
    image_std: list[float] | tuple[float, ...] = (0.229, 0.224, 0.225)
    granularity: str = "weight"
    label_mapping_method: str | None = None
    prompt_at_inference: bool = True
    sparsity: float | int | None = None
    storage_version: int | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        if isinstance(self.backbone_config, dict):
            fields = dict(self.backbone_config)
            self.backbone_config = AutoConfig.for_model(fields.pop("model_type"), **fields)
        self.image_mean, self.image_std = list(self.image_mean), list(self.image_std)
        self._check()
        super().__post_init__(**kwargs)

    @property
    def prompted_size(self) -> int:
        """Side O of the picture the backbone sees when prompted, in pixels."""
        return self.image_size if self.output_size is None else self.output_size

    def _check(self) -> None:
        if self.granularity not in GRANULARITIES:
            raise ValueError(f"granularity is {self.granularity!r}; allowed: {', '.join(GRANULARITIES)}")
        if self.image_size < 1:
            raise ValueError(f"image_size is {self.image_size}; it must be at least 1 pixel")
        if self.prompted_size < self.image_size:
            raise ValueError(
                f"output_size is {self.output_size}, below image_size {self.image_size}; make it at least as large"
            )
