"""Models kept as a folder of files, on the disk or on the Hub, in the layout of transformers or of timm."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageClassification, PreTrainedModel
from transformers.utils import cached_file

from ..errors import InputError
from ..models import VPNsForImageClassification, head_tensors, set_classes
from ..models.normalisation import normalisation_of, timm_normalisation
from ..models.stock import check_timm, stock_config
from ..models.weight_index import check_weight_map
from ..utils.hub_client import is_online
from .backbone import Backbone
from .foreign_weights import from_tensors
from .timm_networks import TIMM_NETWORKS
from .weight_files import read_tensors

logger = logging.getLogger(__name__)

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
# Other networks of timm share the names of these and compute something else, such as resnetaa50.
TIMM_ARCHITECTURES = re.compile(r"resnet\d+|vgg\d+(_bn)?")


@dataclass(frozen=True)
class Place:
    """Where the files of a model are.

    Attributes:
        name: local folder, or Hub id.
        options: `revision` and `local_files_only`, as the clients of the Hub take them.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=lambda: {"local_files_only": True})

    @classmethod
    def of(cls, name: str, revision: str | None = None) -> Place:
        """Returns where a local folder, or a Hub id, keeps its files."""
        folder = Path(name).expanduser()
        if folder.is_dir():
            return cls(str(folder))
        return cls(name, {"revision": revision, "local_files_only": not is_online(name, "model")})

    def file(self, name: str) -> Path | None:
        """Returns the path of a file, downloaded if need be; None if there is none."""
        try:
            path = cached_file(self.name, name, **self.options)
        except OSError:
            return None
        return Path(path) if path else None

    def json(self, name: str) -> dict[str, Any]:
        """Returns the content of a JSON file; {} if there is none that can be read."""
        path = self.file(name)
        try:
            content = json.loads(path.read_text(encoding="utf-8")) if path else {}
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}


@dataclass(frozen=True)
class TransformersRepository:
    """config.json with a `model_type`, weights named as in the state dict, and perhaps an image processor."""

    place: Place

    def load(self) -> Backbone:
        """Returns the classifier and how its pictures were prepared."""
        for index in INDEXES:
            check_weight_map(self.place.json(index))
        model, info = AutoModelForImageClassification.from_pretrained(
            self.place.name,
            config=stock_config(self.place.name, **self.place.options),
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **self.place.options,
        )
        if isinstance(model, VPNsForImageClassification):
            return _dense_in(model, self.place.name)
        return replace(self.prepared(model), lost_head=_lost_head(model, info))

    def prepared(self, model: PreTrainedModel) -> Backbone:
        """Returns a classifier that was loaded from here with how its pictures were prepared."""
        try:
            normalisation, odd_pixels = normalisation_of(self.place.name, **self.place.options), None
        except ValueError as error:
            normalisation, odd_pixels = {}, str(error)
        return Backbone(model, normalisation, self._image_size(), odd_pixels=odd_pixels)

    def _image_size(self) -> int | None:
        """Returns the side the image processor makes pictures; the height, or the shorter side."""
        fields = self.place.json("preprocessor_config.json")
        size = fields.get("crop_size") if fields.get("do_center_crop") else fields.get("size")
        sides = [size.get("height"), size.get("shortest_edge")] if isinstance(size, dict) else [size]
        return next((side for side in sides if isinstance(side, int)), None)


@dataclass(frozen=True)
class TimmRepository:
    """config.json with an `architecture` of timm and its `pretrained_cfg`, weights under timm's names."""

    place: Place
    fields: Mapping[str, Any]

    @property
    def pretrained(self) -> Mapping[str, Any]:
        """What is recorded of the training; beside everything else in the first repositories."""
        recorded = self.fields.get("pretrained_cfg")
        return recorded if isinstance(recorded, dict) else self.fields

    def load(self) -> Backbone:
        """Returns the classifier and how its pictures were prepared: of transformers where it has it, else of timm."""
        reason = self._only_timm_builds_it()
        if reason is None:
            return self._translated()
        try:
            check_timm(f"it is {reason}, which")
        except ValueError as error:
            raise InputError(f"{error}; without them resnetN, vggN and vggN_bn are read") from error
        loaded = TransformersRepository(self.place).load()
        return replace(self.prepared(loaded.model), lost_head=loaded.lost_head)

    def _translated(self) -> Backbone:
        path = next(filter(None, map(self.place.file, WEIGHTS)), None)
        if path is None:
            raise InputError(f"no weights are there; it needs a file {' or '.join(WEIGHTS)}")
        backbone = from_tensors(read_tensors(path))
        self._check_depths(backbone.model.config.depths)
        backbone.model.config.name_or_path = self.place.name
        classes, rows = self.fields.get("num_classes"), backbone.model.config.num_labels
        lost_head = backbone.lost_head
        if lost_head is None and classes not in (None, rows):
            lost_head = f"the saved classifier has {rows} rows, but config.json says {classes} classes"
        _name_classes(backbone.model, self.fields.get("label_names") or self.pretrained.get("label_names"))
        return replace(self.prepared(backbone.model), lost_head=lost_head)

    def prepared(self, model: PreTrainedModel) -> Backbone:
        """Returns a classifier that was loaded from here with how its pictures were prepared."""
        return Backbone(model, timm_normalisation(self.fields), self._image_size())

    def _image_size(self) -> int | None:
        size = self.pretrained.get("input_size")
        return size[-1] if isinstance(size, list) else None

    def _only_timm_builds_it(self) -> str | None:
        """Returns what it is where transformers has no such network, or the tensors alone do not tell what is computed."""
        architecture = self.fields["architecture"]
        if not TIMM_ARCHITECTURES.fullmatch(architecture):
            return f"a {architecture} of timm"
        arguments = self.fields.get("model_args") or {}
        changed = sorted(set(arguments) - {"num_classes", "in_chans", "layers", "channels"})
        return f"a {architecture} of timm changed by {', '.join(changed)}" if changed else None

    def _check_depths(self, depths: Sequence[int]) -> None:
        """Raises InputError where whole blocks are missing, without which it would be a smaller network."""
        architecture = self.fields["architecture"]
        named = TIMM_NETWORKS.get(architecture)
        is_changed = "layers" in (self.fields.get("model_args") or {})
        if named is not None and not is_changed and list(depths) != list(named.depths):
            raise InputError(
                f"its weights do not fit the network it names: {architecture} has {list(named.depths)} blocks or layers "
                f"in its stages, the weights have {list(depths)}"
            )


def repository(name: str, revision: str | None = None) -> TransformersRepository | TimmRepository:
    """Returns the repository at a local folder or a Hub id; the latter's configuration is downloaded."""
    place = Place.of(name, revision)
    fields = place.json("config.json")
    is_timm = (
        isinstance(fields.get("architecture"), str) and fields.get("model_type", "timm_wrapper") == "timm_wrapper"
    )
    return TimmRepository(place, fields) if is_timm else TransformersRepository(place)


def _dense_in(model: VPNsForImageClassification, name: str) -> Backbone:
    """Returns the classifier of a saved model that nothing was done to, such as a dense reference, with its classes.

    Raises:
        InputError: if weights were removed, or a visual prompt belongs to it.
    """
    config = model.config
    if model.sparsity:
        saved = ", or save its to_backbone() to a folder" if config.widths is None else " it was made from"
        raise InputError(f"it is a pruned model already; give the dense one{saved}")
    if model.has_prompt:
        command = f"vpns export {name} --layout transformers --output_dir NEW"
        raise InputError(f"it has a visual prompt, which no backbone has; give what `{command}` writes")
    normalisation = {name: getattr(config, name) for name in ("image_mean", "image_std", "channel_order")}
    return Backbone(model.to_dense(), normalisation, config.image_size)


def _lost_head(model: PreTrainedModel, info: Mapping[str, Any]) -> str | None:
    """Returns why the classifier was not loaded, None if it was; any other incomplete tensor is an error."""
    wrong = {key: f"missing {key}" for key in info["missing_keys"]}
    for key, found, expected in info["mismatched_keys"]:
        wrong[key] = f"{key} of shape {tuple(found)} instead of {tuple(expected)}"
    heads = head_tensors(model) if wrong else {}
    elsewhere = [said for key, said in sorted(wrong.items()) if key not in heads]
    unexpected = [f"unexpected {key}" for key in sorted(info["unexpected_keys"])]
    if wrong and not elsewhere and unexpected:  # what was before another head, such as a pooler
        logger.warning("tensors that belong to no layer of the classifier are left out: %s", ", ".join(unexpected))
    elif elsewhere or unexpected:
        raise InputError(f"its weights do not fit its configuration: {', '.join([*elsewhere, *unexpected])}")
    return f"its weights lack or misfit the classifier ({', '.join(sorted(wrong.values()))})" if wrong else None


def _name_classes(model: PreTrainedModel, names: Any) -> None:
    if isinstance(names, list) and len(names) == model.config.num_labels:
        set_classes(model.config, [str(name) for name in names])
