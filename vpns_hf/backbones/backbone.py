"""A dense network together with how its pictures were prepared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedModel

from ..errors import InputError

Normalisation = dict[str, Any]
IMAGENET: Normalisation = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}


@dataclass(frozen=True)
class Backbone:
    """An image classifier of transformers, wherever its weights came from.

    Attributes:
        model: the classifier, in float32 and evaluation mode if it was loaded.
        normalisation: `image_mean` and `image_std` for pixels in [0, 1], and perhaps `channel_order`, as
            `VPNsForImageClassification.from_backbone` takes them; {} if nothing says what they were.
        image_size: side of the pictures it was trained on, in pixels; None if nothing says so.
        lost_head: why its classifier is not the saved one but random; None if it is the saved one.
        odd_pixels: why its image processor tells no normalisation, though there is one; None if it does, or there is none.
    """

    model: PreTrainedModel
    normalisation: Normalisation
    image_size: int | None = None
    lost_head: str | None = None
    odd_pixels: str | None = None

    def check_normalisation(self, advice: str) -> None:
        """Raises InputError, with what to do, if its pictures were prepared as mean and std cannot say."""
        if self.odd_pixels is not None:
            raise InputError(f"{self.odd_pixels}; {advice}")
