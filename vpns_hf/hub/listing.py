"""Finding published models: what their cards say, from the Hub or from a local folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from huggingface_hub import EvalResult, HfApi, ModelCard, ModelCardData, ModelInfo
from huggingface_hub.repocard_data import model_index_to_eval_results
from yaml import YAMLError

from ..data import find_spec
from ..errors import InputError
from ..reporting import markdown_table, megabytes, percent, short_percent
from ..utils.hub_client import refusals
from .run_folder import DENSE_FOLDER, is_model_folder, weights_size

TAG = "vpns"
SIMULTANEOUS = 8  # requests


@dataclass(frozen=True)
class PublishedModel:
    """A model as its card describes it; None where the card does not say.

    Attributes:
        name: repository id, or path of the folder.
        base_model: what it was pruned from.
        datasets: names of the data set it was measured on.
        sparsity: as it was asked for, in [0, 1).
        accuracy: top-1 in the view the model uses by default, in [0, 1].
        size: of its weights on disk, in bytes.
        accuracies: {name of a data set: the same on it}, of those it was measured on.
    """

    name: str
    base_model: str | None = None
    datasets: tuple[str, ...] = ()
    sparsity: float | None = None
    accuracy: float | None = None
    size: int | None = None
    accuracies: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_card(cls, name: str, card: ModelCardData, measured: Sequence[EvalResult], size: int) -> PublishedModel:
        """Reads a card; the first accuracy in it is that of the default view."""
        top1 = [one for one in measured if one.metric_type == "accuracy" and isinstance(one.metric_value, int | float)]
        by_name = [(name, one.metric_value) for one in top1 for name in (one.dataset_name, one.dataset_type)]
        tags = [re.fullmatch(r"sparsity-(\d+(?:\.\d+)?)", tag) for tag in card.tags or []]
        of_results = [result.dataset_name for result in measured] + [result.dataset_type for result in measured]
        return cls(
            name=name,
            base_model=next(iter(_listed(card.base_model)), None),
            datasets=tuple(dict.fromkeys([*_listed(card.datasets), *of_results])),
            sparsity=next((float(tag[1]) / 100 for tag in tags if tag), None),
            accuracy=top1[0].metric_value if top1 else None,
            size=size or None,
            accuracies=dict(reversed(by_name)),
        )


@dataclass(frozen=True)
class Wanted:
    """Which models to list; None leaves the choice open.

    Attributes:
        arch: a network, such as resnet18; looked for in the names of base model and model.
        dataset: a data set, by its short name or Hub id.
        min_accuracy: least top-1 accuracy, in [0, 1]; what was not measured is left out then.

    Raises:
        InputError: if `min_accuracy` is not in [0, 1].
    """

    arch: str | None = None
    dataset: str | None = None
    min_accuracy: float | None = None

    def __post_init__(self) -> None:
        if self.min_accuracy is not None and not 0 <= self.min_accuracy <= 1:
            raise InputError(f"min_accuracy is {self.min_accuracy:g}; give a fraction from 0 to 1, such as 0.8")

    def admits(self, model: PublishedModel) -> bool:
        """Returns whether a model is one of those wanted."""
        if self.arch is not None and not _mentions((model.base_model, model.name), self.arch):
            return False
        if self.dataset is not None and not self._is_dataset(model.datasets):
            return False
        accuracy = self.seen(model).accuracy
        return self.min_accuracy is None or (accuracy is not None and accuracy >= self.min_accuracy)

    def seen(self, model: PublishedModel) -> PublishedModel:
        """Returns a model with its accuracy on the data set that is wanted, if one is; None where it has none there."""
        if self.dataset is None:
            return model
        known = [value for name, value in model.accuracies.items() if self._is_dataset([name])]
        return replace(model, accuracy=known[0] if known else None)

    def _is_dataset(self, names: Sequence[str]) -> bool:
        spec = find_spec(self.dataset)
        return (spec is not None and spec.path in names) or _mentions(names, self.dataset)


def models_on_hub(author: str | None = None, token: str | None = None) -> list[PublishedModel]:
    """Returns every model on the Hub that bears the tag `vpns`, private ones of the token's user among them.

    Args:
        author: only those of a user or an organisation.
        token: the one of the environment or of `hf auth login` if not given.

    Raises:
        InputError: if the Hub cannot be reached.
    """
    api = HfApi(token=token)
    with refusals("the models on the Hub cannot be listed (--local DIR lists a folder)", token):
        names = [model.id for model in api.list_models(filter=TAG, author=author)]
        with ThreadPoolExecutor(SIMULTANEOUS) as pool:
            models = pool.map(lambda name: api.model_info(name, files_metadata=True), names)
            return [_from_info(model) for model in models]


def models_in_folder(folder: Path) -> list[PublishedModel]:
    """Returns the models in a folder of model folders, at any depth, but the dense ones that runs keep.

    A card that cannot be read says nothing.

    Raises:
        InputError: if there is no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; give one that holds model folders")
    found = sorted(path.parent for path in folder.rglob("config.json") if is_model_folder(path.parent))
    pruned = [path for path in found if path.parent.name != DENSE_FOLDER]
    return [_from_folder(path, path.relative_to(folder).as_posix()) for path in pruned]


def models_table(models: Iterable[PublishedModel]) -> str:
    """Returns a table of models, the most accurate first."""
    ordered = sorted(models, key=lambda one: (-(one.accuracy if one.accuracy is not None else -1), one.name))
    if not ordered:
        return "No model of this kind."
    rows = [
        [
            one.name,
            "unknown" if one.sparsity is None else short_percent(one.sparsity),
            percent(one.accuracy),
            megabytes(one.size).removesuffix(" MB"),
        ]
        for one in ordered
    ]
    return markdown_table(["Model", "Sparsity", "Top-1 accuracy", "MB"], rows, [False, True, True, True])


def _from_info(model: ModelInfo) -> PublishedModel:
    card = model.card_data or ModelCardData()
    measured = card.eval_results or (model_index_to_eval_results(model.model_index)[1] if model.model_index else [])
    size = sum(file.size or 0 for file in model.siblings or [] if file.rfilename.endswith(".safetensors"))
    return PublishedModel.from_card(model.id, card, measured, size)


def _from_folder(folder: Path, name: str) -> PublishedModel:
    try:
        card = ModelCard.load(folder / "README.md", ignore_metadata_errors=True).data
    except (OSError, ValueError, YAMLError):
        card = ModelCardData()
    return PublishedModel.from_card(name, card, card.eval_results or [], weights_size(folder) or 0)


def _mentions(names: Iterable[str | None], wanted: str) -> bool:
    """Returns whether one of the names has the wanted one in it: `resnet18` is in `microsoft/resnet-18`, not in `resnet180`."""
    parts = re.findall(r"[a-z]+|\d+", wanted.lower())
    pattern = r"(?<![a-z])" + r"[^a-z0-9]?".join(parts) + (r"(?!\d)" if parts and parts[-1].isdigit() else "")
    return bool(parts) and any(re.search(pattern, name.lower()) for name in names if name)


def _listed(value: str | Sequence[str] | None) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)
