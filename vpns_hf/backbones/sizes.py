"""Which sides of pictures a backbone takes, found before anything is trained."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import torch
from transformers import AutoModelForImageClassification, PreTrainedConfig

from ..errors import InputError
from ..models import VPNsForImageClassification
from ..utils.text import first_line

CHANNELS = 3
LARGEST = 1024  # side beyond which no smallest side is looked for, in pixels


def check_sizes(model: VPNsForImageClassification) -> None:
    """Checks that the backbone takes the pictures of both views: as they are, and with the prompt around them.

    Raises:
        InputError: if it does not; the message says which side reaches it, and which it takes,
            or how many channels it takes where that is not 3.
    """
    config = model.config
    channels = getattr(config.backbone_config, "num_channels", CHANNELS)
    if channels != CHANNELS:
        raise InputError(
            f"{type(model.backbone).__name__} takes pictures of {channels} channels (num_channels); give one that takes "
            f"{CHANNELS}: grey pictures are passed as red, green and blue too"
        )
    for side, view in ((config.image_size, "image_size"), (config.prompted_size, "output_size, with the prompt")):
        reason = _refusal(model, side)
        if reason is not None:
            allowed = allowed_sides(config.backbone_config)
            raise InputError(
                f"{type(model.backbone).__name__} cannot take pictures of {side} x {side} pixels ({view}): "
                + (allowed.advice if allowed else f"{reason}; give another image_size or output_size")
            )


@dataclass(frozen=True)
class Sides:
    """The sides of square pictures a backbone takes, in pixels.

    Attributes:
        smallest: below it nothing is left of a picture on its way, or no patch fits into it.
        is_fixed: whether it is the only one, as where every patch has a learned position.
    """

    smallest: int
    is_fixed: bool

    @property
    def advice(self) -> str:
        if self.is_fixed:
            return f"it takes {self.smallest} only; give image_size {self.smallest} and leave output_size out"
        return f"it takes {self.smallest} or more; give a larger image_size"


def allowed_sides(config: PreTrainedConfig) -> Sides | None:
    """Returns the sides that the classifier of `config` takes, without computing anything; None if none was found."""
    configured = getattr(config, "image_size", None)
    if isinstance(configured, int) and _passes(config, configured) and not _passes(config, 2 * configured):
        return Sides(configured, is_fixed=True)
    smallest = 1 + bisect_left(range(1, LARGEST + 1), True, key=lambda side: _passes(config, side))
    return Sides(smallest, is_fixed=False) if smallest <= LARGEST else None


@torch.no_grad()
def _passes(config: PreTrainedConfig, side: int) -> bool:
    with torch.device("meta"):  # anew each time: a Swin that has seen a small picture keeps its windows small
        backbone = AutoModelForImageClassification.from_config(config).eval()
    try:
        backbone(torch.empty(1, 3, side, side, device="meta"))
    except (ValueError, RuntimeError):
        return False
    return True


@torch.no_grad()
def _refusal(model: VPNsForImageClassification, side: int) -> str | None:
    """Returns why the backbone does not classify an empty picture of that side; None if it does.

    Raises:
        InputError: if it takes the picture and gives something else than logits.
    """
    pixels = torch.zeros(1, CHANNELS, side, side, device=model.device, dtype=model.dtype)
    try:
        output = model.backbone.eval()(pixels)
    except (ValueError, RuntimeError, TypeError) as error:
        return first_line(error)
    classes, logits = model.backbone.config.num_labels, getattr(output, "logits", None)
    if logits is None or logits.shape != (1, classes):
        raise InputError(
            f"{type(model.backbone).__name__} gives no logits of its {classes} classes; give an image classifier that does"
        )
    return None
