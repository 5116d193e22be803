"""The classifier of a backbone: its own, read through a label mapping, or a fresh one for the classes at hand."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

from transformers import AutoModelForImageClassification, PreTrainedModel

from ..errors import InputError
from ..models import head_tensors, set_classes
from .backbone import Backbone

NEW = "--head new (a new trainable head) with --label_mapping identity and --pretrain_epochs"


Head = Callable[[Backbone, int | None], Backbone]
"""Gives a backbone that can classify so many classes, None standing for those it has, or raises InputError."""


def mapped_head(backbone: Backbone, num_labels: int | None) -> Backbone:
    """Keeps the saved classifier, read through a one-to-one label mapping: it must be there and have classes enough."""
    if backbone.lost_head is not None:
        raise InputError(f"{backbone.lost_head}; give {NEW}")
    sources = backbone.model.config.num_labels
    if num_labels is not None and num_labels > sources:
        raise InputError(
            f"{num_labels} target classes cannot be mapped one to one to the {sources} classes of the backbone; give {NEW}"
        )
    return backbone


def new_head(backbone: Backbone, num_labels: int | None) -> Backbone:
    """Gives a freshly initialised classifier; the model given stays as it is."""
    if num_labels is None:
        raise InputError("a new head has the classes it is asked for; give num_labels")
    return replace(backbone, model=_with_new_head(backbone.model, num_labels), lost_head=None)


def _with_new_head(model: PreTrainedModel, num_labels: int) -> PreTrainedModel:
    config = copy.deepcopy(model.config)
    config.architectures = [type(model).__name__]  # some configurations stand for several classes
    set_classes(config, [f"LABEL_{index}" for index in range(num_labels)])
    fresh = AutoModelForImageClassification.from_config(config, dtype=model.dtype).to(model.device)
    heads = head_tensors(model)
    below = {name: tensor for name, tensor in model.state_dict().items() if name not in heads}
    fresh.load_state_dict({**fresh.state_dict(), **below}, strict=True)
    return fresh


HEADS: dict[str, Head] = {"mapped": mapped_head, "new": new_head}
