"""What a model was made from, as the Hub knows it: a short name stands for a repository there."""

from __future__ import annotations

from ...backbones.registry import BACKBONES, Published
from ...data import find_spec
from ...utils.public_names import hub_id, public_name


def model_id(name: str | None) -> str | None:
    """Returns the Hub id of a pre-trained model, named as `vpns prune` takes it; None if it has none."""
    source = BACKBONES.get(name)
    return source.hub_id if isinstance(source, Published) else hub_id(name)


def dataset_id(name: str | None) -> str | None:
    """Returns the Hub id of a data set, named as `vpns prune` takes it; None if it has none."""
    spec = find_spec(name)
    return hub_id(name if spec is None else spec.path)


def shown_model(name: str) -> str:
    """Returns a name of a model that may stand in public: its Hub id, or the last part of a path."""
    return model_id(name) or public_name(name)


def shown_dataset(name: str) -> str:
    """Returns a name of a data set that may stand in public: its Hub id, or the last part of a path."""
    return dataset_id(name) or public_name(name)
