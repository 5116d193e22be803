"""From a backbone to the dense model that every sparsity starts from."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

import torch
from accelerate.utils import set_seed
from transformers import PreTrainedModel

from ..backbones import HEADS, Backbone, Normalisation, check_sizes, load_backbone
from ..errors import InputError
from ..label_mapping import LABEL_MAPPINGS
from ..methods import label_mapping_of
from ..models import VPNsForImageClassification, class_names
from ..models.normalisation import warn_of_contrast
from .arguments import VPNsTrainingArguments

logger = logging.getLogger(__name__)


class BaseModelBuilder:
    """Puts a visual prompt before a backbone and masks on its layers, as the arguments say.

    Args:
        args: of the job.
        class_names: of the data set, by class.
        device: that trains.
    """

    def __init__(self, args: VPNsTrainingArguments, class_names: Sequence[str], device: torch.device) -> None:
        self._args, self._class_names, self._device = args, class_names, device
        self._normalisation: Normalisation = {}

    def load(self, model: str | os.PathLike | PreTrainedModel, revision: str | None) -> VPNsForImageClassification:
        """Returns the model with the prompt asked for; its mean and std become those of later ones.

        Raises:
            InputError: if there is no such backbone, or it does not fit the arguments or the classes.
        """
        set_seed(self._args.seed)
        backbone = load_backbone(model, len(self._class_names), revision, HEADS[self._args.head])
        self._normalisation = self._normalise_by(backbone)
        base = self._build(backbone.model, self._args.visual_prompt, self._args.output_size)
        check_sizes(base)
        self._map_classes(base)
        return base

    def without_prompt(self, backbone: PreTrainedModel) -> VPNsForImageClassification:
        """Returns a model of another backbone of the same kind, with no prompt and pictures of the size of the images."""
        return self._build(backbone, "none", output_size=None)

    def _map_classes(self, base: VPNsForImageClassification) -> None:
        """Gives the dense model the label mapping that pre-training goes by, once the names of its classes are looked at."""
        source, asked = class_names(base.backbone.config), label_mapping_of(self._args)
        if not self._args.pretrain_epochs:  # after which a class is what it was trained as, whatever it is called
            asked.check(source, self._class_names)
        mapping = asked.chosen(source, self._class_names)
        base.label_mapping.copy_(mapping.start(source, self._class_names))
        base.config.label_mapping_method = next(name for name, kind in LABEL_MAPPINGS.items() if kind is type(mapping))

    def _normalise_by(self, backbone: Backbone) -> Normalisation:
        """Returns mean and std: as asked for, else those of the backbone, else ImageNet's; and its channel order."""
        given = {"image_mean": self._args.image_mean, "image_std": self._args.image_std}
        given = {name: value for name, value in given.items() if value is not None}
        if len(given) < 2:
            backbone.check_normalisation("give image_mean and image_std, for pixels in [0, 1]")
        if len(given) < 2 and not backbone.normalisation:
            logger.warning(
                "no image processor of the backbone was found: normalising by ImageNet's mean and std; "
                "give image_mean and image_std if it was trained with others"
            )
        normalisation = {**backbone.normalisation, **given}
        warn_of_contrast(normalisation.get("image_std"))
        return normalisation

    def _build(
        self, backbone: PreTrainedModel, visual_prompt: str, output_size: int | None
    ) -> VPNsForImageClassification:
        args = self._args
        try:
            return VPNsForImageClassification.from_backbone(
                backbone,
                id2label=dict(enumerate(self._class_names)),
                visual_prompt=visual_prompt,
                prompt_size=args.prompt_size,
                prompt_seed=args.seed,
                image_size=args.image_size,
                output_size=output_size,
                granularity=args.granularity,
                **self._normalisation,
            ).to(self._device, torch.float32)
        except ValueError as error:
            raise InputError(str(error)) from error
