"""How the pictures a model was trained on became pixels, found by running the image processor saved with it."""

from __future__ import annotations

import logging
import os
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import transformers
from PIL import Image
from torch import Tensor
from transformers import AutoImageProcessor, BaseImageProcessor, PreTrainedConfig

from .configuration_vpns import CHANNEL_ORDERS

logger = logging.getLogger(__name__)

UNNAMED = "image processor"
# What cannot be run without torchvision, or before transformers 5.18, and does no more than its fields say.
AS_ITS_FIELDS = ("DINOv3ViTImageProcessor", UNNAMED)
SIDE = 64  # of the test pictures, in pixels
BLACK, WHITE, MIXED = (0, 0, 0), (255, 255, 255), (51, 102, 204)
USUAL_CONTRAST = (0.1, 50.0)  # between black and white; ImageNet's std gives 4.4
LONGEST_REASON = 200  # characters


def normalisation_of(name_or_path: str | os.PathLike, **hub_options: Any) -> dict[str, Any]:
    """Returns the fields of `VPNsConfig` by which `normalise` gives the pixels of the image processor saved with a model.

    Args:
        name_or_path: Hub id or local folder of the model.
        hub_options: such as `revision` and `local_files_only`.

    Returns:
        `image_mean` and `image_std`, and `channel_order` unless it is that of the picture; {} without an image processor,
        and without what timm records in its place.

    Raises:
        ValueError: if the pixels cannot be written so, or the processor cannot be run; the message names it.
    """
    try:
        fields, _ = BaseImageProcessor.get_image_processor_dict(name_or_path, **hub_options)
    except (OSError, ValueError):
        return _recorded_by_timm(name_or_path, hub_options)
    if not isinstance(fields, Mapping):
        raise ValueError("its preprocessor_config.json holds no fields of an image processor")
    kind = str(fields.get("image_processor_type") or fields.get("feature_extractor_type") or UNNAMED)
    try:
        processor = _load(name_or_path, kind, hub_options)
        return _from_fields(fields) if processor is None else _measured(processor)
    except Exception as error:  # whatever a processor raises
        raise ValueError(
            f"the pixels of its {kind} are no mean and std per channel ({_reason(error, kind, fields)})"
        ) from error


def warn_of_contrast(image_std: Sequence[float] | None) -> None:
    """Warns of a standard deviation, for pixels in [0, 1], by which black and white are hardly apart or far too much."""
    lowest, highest = USUAL_CONTRAST
    odd = [value for value in image_std or () if value > 0 and not lowest <= 1 / value <= highest]
    if odd:
        words = (
            "image_std %s, for pixels in [0, 1], leaves %.2g between black and white, where networks are trained with 2 to 5: "
            "if that is not how this one was trained, give image_mean and image_std for pixels in [0, 1]"
        )
        logger.warning(words, list(image_std), 1 / odd[0])


def timm_normalisation(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Returns mean and std as timm records them in the fields of a config.json; {} if it does not."""
    recorded = fields.get("pretrained_cfg")
    recorded = recorded if isinstance(recorded, Mapping) else fields
    mean, std = recorded.get("mean"), recorded.get("std")
    known = all(isinstance(values, list | tuple) and len(values) == 3 for values in (mean, std))
    return {"image_mean": list(mean), "image_std": list(std)} if known else {}


def _recorded_by_timm(name_or_path: str | os.PathLike, hub_options: Mapping[str, Any]) -> dict[str, Any]:
    try:
        fields, _ = PreTrainedConfig.get_config_dict(name_or_path, **hub_options)
    except (OSError, ValueError):
        return {}
    return timm_normalisation(fields) if "architecture" in fields else {}


def _load(name_or_path: str | os.PathLike, kind: str, hub_options: Mapping[str, Any]) -> BaseImageProcessor | None:
    """Returns the processor; None of one that cannot be run here and of which enough is known without."""
    try:
        return AutoImageProcessor.from_pretrained(name_or_path, backend="pil", trust_remote_code=False, **hub_options)
    except (ImportError, ValueError):  # transformers before 5.18 asks for torchvision, whatever the processor
        name = _plain_name(kind)
        for found in (getattr(transformers, f"{name}Pil", None), getattr(transformers, name, None)):
            if found is not None and not getattr(found, "is_dummy", False):
                return found.from_pretrained(name_or_path, **hub_options)
        if name not in AS_ITS_FIELDS:
            raise
        return None


def _reason(error: Exception, kind: str, fields: Mapping[str, Any]) -> str:
    """Returns in a few words why a processor cannot be followed."""
    if kind == UNNAMED:
        return "its preprocessor_config.json names no image_processor_type"
    std = fields.get("image_std")
    if std == 0 or (isinstance(std, list) and 0 in std):
        return f"its image_std is {std}, and nothing can be divided by 0"
    name = _plain_name(kind)
    if not any(hasattr(transformers, known) for known in (name, f"{name}Pil", f"{name}Fast")):
        return f"this transformers has no image processor {kind}"
    said = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return textwrap.shorten(said, LONGEST_REASON, placeholder=" ...")


def _plain_name(kind: str) -> str:
    return kind.removesuffix("Fast").replace("FeatureExtractor", "ImageProcessor")


def _from_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    scale = 255 * fields.get("rescale_factor", 1 / 255) if fields.get("do_rescale", True) else 255.0
    is_plain = not fields.get("do_normalize", True)
    mean, std = (0.0, 1.0) if is_plain else (fields["image_mean"], fields["image_std"])
    return _fields(*([value / scale for value in _three(values)] for values in (mean, std)), "rgb")


def _three(values: float | Sequence[float]) -> list[float]:
    """Returns a number for each channel, as processors take one for all."""
    return [float(values)] * 3 if isinstance(values, int | float) else [float(value) for value in values]


def _measured(processor: BaseImageProcessor) -> dict[str, Any]:
    """Returns what takes the colours of test pictures to the values they become.

    Raises:
        ValueError: if they become no picture, or no increasing affine map per channel leads there.
    """
    with np.errstate(all="ignore"):  # a division by 0 is told below
        offset, top, mixed = (_value(processor, colour) for colour in (BLACK, WHITE, MIXED))
    slope = top - offset
    if not np.isfinite(slope).all() or slope.min() <= 0:
        raise ValueError("white does not become more than black")
    colour = np.array(MIXED) / 255
    off_by = {order: np.abs(slope * colour[::step] + offset - mixed) for order, step in (("rgb", 1), ("bgr", -1))}
    order = min(CHANNEL_ORDERS, key=lambda name: off_by[name].max())
    if (off_by[order] > 2e-6 * np.abs([slope, offset]).max(0)).any():
        raise ValueError("a channel depends on several, or is no straight line")
    stated = [getattr(processor, name, None) for name in ("image_mean", "image_std")]
    return _fields(_tidy(-offset / slope, stated[0]), _tidy(1 / slope, stated[1]), order)


def _value(processor: BaseImageProcessor, colour: tuple[int, int, int]) -> np.ndarray:
    """Returns what a picture of one colour becomes, (3,) float64, in the middle of it."""
    made = processor(Image.new("RGB", (SIDE, SIDE), colour), return_tensors="pt")
    pixels = made.get("pixel_values") if isinstance(made, Mapping) else None
    if not isinstance(pixels, Tensor) or pixels.ndim < 4 or pixels.shape[-3] != 3:
        raise ValueError("it makes no picture of three channels")
    height, width = pixels.shape[-2:]
    return pixels.flatten(0, -4)[0, :, height // 2, width // 2].double().numpy()


def _tidy(measured: np.ndarray, stated: Any) -> list[float]:
    """Returns the numbers of the processor if they were measured, else the measured ones without their rounding errors."""
    three = [] if stated is None else _three(stated)
    if len(three) == 3 and np.allclose(measured, three, rtol=1e-6, atol=1e-7):
        return three
    return [float(f"{value:.7g}") + 0.0 for value in measured]


def _fields(mean: list[float], std: list[float], order: str) -> dict[str, Any]:
    return {"image_mean": mean, "image_std": std, **({} if order == "rgb" else {"channel_order": order})}
