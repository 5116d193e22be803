"""The model that is exported: a pruned one with its zeros folded in, or a dense one, and how its pictures are prepared."""

from __future__ import annotations

import copy
import logging
import os
from dataclasses import dataclass
from pathlib import Path

import torch

from ..backbones import BACKBONES, IMAGENET, Backbone, Place, Untrained, load_backbone
from ..errors import InputError
from ..models import VPNsConfig, VPNsForImageClassification
from ..utils.text import first_line

logger = logging.getLogger(__name__)

USUAL_SIZE = 224


@dataclass(frozen=True)
class Source:
    """A model to be exported.

    Attributes:
        backbone: the classifier to be written; its normalisation and the side of its pictures are known.
        pruned: the pruned model it was folded from; None if it was dense.
    """

    backbone: Backbone
    pruned: VPNsForImageClassification | None = None

    def caveats(self, prompted: bool) -> list[str]:
        """Returns what a reader has to know of a pruned model that was written with its prompt or without it, in lines."""
        if self.pruned is None:
            return []
        how = (
            "are 0, stored as such" if self.pruned.config.widths is None else "went, with the channels they belong to"
        )
        lines = [f"{100 * self.pruned.sparsity:.2f}% of the prunable weights {how}"]
        if self.pruned.has_prompt and not prompted:
            by_default = self.pruned.config.prompt_at_inference
            default = "; the model itself applies the prompt by default" if by_default else ""
            lines.append(
                "The visual prompt is not part of it: of the accuracies on the model card, "
                f"the one without the prompt holds{default}"
            )
        return lines


def load_source(model: str | os.PathLike, revision: str | None = None) -> Source:
    """Loads a pruned model (folder or Hub id), folded as `to_dense()` does it; or whatever `load_backbone` takes.

    Raises:
        InputError: if it cannot be loaded, is untrained, has lost its classifier, or its pictures are prepared as mean and
            std cannot say.
    """
    if isinstance(BACKBONES.get(os.fspath(model)), Untrained):
        raise InputError(f"{model} is untrained, there is nothing to export; give a folder, a file or a Hub id")
    pruned = _pruned_model(os.fspath(model), revision)
    if pruned is not None:
        return folded(pruned)
    return Source(_with_preparation(load_backbone(model, revision=revision, head=_saved_head)))


def folded(model: VPNsForImageClassification) -> Source:
    """Returns a pruned model as a dense one with zeros.

    Raises:
        InputError: if its classifier cannot be cut to its classes.
    """
    config = model.config
    try:
        dense = model.to_dense()
    except ValueError as error:
        raise InputError(f"the classifier cannot be cut to the classes of the data: {error}") from error
    names = ("image_mean", "image_std", "channel_order")
    return Source(Backbone(dense, {name: getattr(config, name) for name in names}, config.image_size), model)


def in_float32(source: Source) -> Source:
    """Returns a model that computes in float32, with the mean and std of its configuration, not rounded ones."""
    if source.pruned is None or source.pruned.dtype == torch.float32:
        return source
    model = copy.deepcopy(source.pruned).float()
    for name in ("image_mean", "image_std"):
        getattr(model, name).copy_(torch.tensor(getattr(model.config, name)).view(1, -1, 1, 1))
    return folded(model)


def _saved_head(backbone: Backbone, num_labels: int | None) -> Backbone:
    """Keeps the classifier as it was saved, whole."""
    if backbone.lost_head is not None:
        raise InputError(f"{backbone.lost_head}; only a whole classifier can be exported")
    return backbone


def _pruned_model(name: str, revision: str | None) -> VPNsForImageClassification | None:
    """Returns the pruned model of that name; None if there is none."""
    if name in BACKBONES or Path(name).expanduser().is_file():
        return None
    try:
        place = Place.of(name, revision)
    except ValueError:  # neither a folder nor a name of the Hub: whoever loads it says what is allowed
        return None
    if place.json("config.json").get("model_type") != VPNsConfig.model_type:
        return None
    try:
        return VPNsForImageClassification.from_pretrained(place.name, **place.options)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(f"{name} cannot be loaded: {first_line(error)}") from error


def _with_preparation(backbone: Backbone) -> Backbone:
    """Fills in what nothing is known of: ImageNet's mean and std, the side of the configuration or the usual one."""
    backbone.check_normalisation("no exported model can say what it does")
    if not backbone.normalisation:
        logger.warning("no mean and std were found: ImageNet's are assumed")
    configured = getattr(backbone.model.config, "image_size", None)
    side = backbone.image_size or (configured if isinstance(configured, int) else USUAL_SIZE)
    return Backbone(backbone.model, backbone.normalisation or IMAGENET, side)
