"""The classifier of a backbone: its own, read through a label mapping, or a fresh one for the classes at hand."""

from __future__ import annotations

import copy
from collections.abc import Callable

from transformers import AutoModelForImageClassification, PreTrainedModel

from vpns_hf.errors import InputError
from vpns_hf.models.modeling_vpns import head_name


def keep_head(backbone: PreTrainedModel, num_labels: int) -> PreTrainedModel:
    """Returns the backbone as it is.

    Raises:
        InputError: if it has fewer classes than `num_labels`, which no one-to-one label mapping can cover.
    """
    sources = backbone.config.num_labels
    if num_labels > sources:
        raise InputError(
            f"{num_labels} target classes cannot be mapped one to one to the {sources} classes of the backbone; "
            "give --head new (a new trainable head) with --label_mapping identity and --pretrain_epochs"
        )
    return backbone


def new_head(backbone: PreTrainedModel, num_labels: int) -> PreTrainedModel:
    """Returns a copy of the backbone whose classifier is freshly initialised for `num_labels` classes."""
    config = copy.deepcopy(backbone.config)
    config.id2label = {index: f"LABEL_{index}" for index in range(num_labels)}
    config.label2id = {name: index for index, name in config.id2label.items()}
    fresh = AutoModelForImageClassification.from_config(config)
    head = head_name(backbone)
    below = {key: value for key, value in backbone.state_dict().items() if not key.startswith(f"{head}.")}
    fresh.load_state_dict({**fresh.state_dict(), **below}, strict=True)
    return fresh


HEADS: dict[str, Callable[[PreTrainedModel, int], PreTrainedModel]] = {"mapped": keep_head, "new": new_head}
