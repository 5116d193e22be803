"""From a name, or a model in memory, to a backbone."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from huggingface_hub.errors import HFValidationError
from safetensors import SafetensorError
from transformers import PreTrainedModel

from ..errors import InputError
from ..models.stock import TIMM
from ..utils.text import first_line
from .backbone import IMAGENET, Backbone
from .finite import check_finite
from .foreign_weights import from_tensors
from .heads import HEADS, Head
from .registry import BACKBONES
from .repositories import WEIGHTS, Place, TimmRepository, repository
from .weight_files import SUFFIXES, read_tensors

logger = logging.getLogger(__name__)

# What the libraries raise about names, folders and files; a TypeError is that of transformers 5.17 about a JSON list.
UNREADABLE = (
    *(OSError, ValueError, KeyError, RuntimeError, ImportError, TypeError),
    *(HFValidationError, SafetensorError),
)


def load_backbone(
    model: str | os.PathLike | PreTrainedModel,
    num_labels: int | None = None,
    revision: str | None = None,
    head: Head = HEADS["mapped"],
) -> Backbone:
    """Loads a dense image classifier, and how its pictures were normalised.

    Args:
        model: a name of `BACKBONES`; a Hub id or a local folder in the layout of transformers or timm; a file of weights
            under torchvision's or timm's names; or an image classifier in memory, which is left as it is.
        num_labels: number of classes of the data set; those of the backbone if not given.
        revision: branch, tag or commit on the Hub.
        head: what becomes of the classifier, an entry of `HEADS`.

    Raises:
        InputError: if there is no such model, it cannot be reached, or it does not hold an image classifier that fits and
            whose weights are finite.
    """
    if isinstance(model, PreTrainedModel):
        return _checked(_prepared(model), head, num_labels)
    name = os.fspath(model)
    try:
        return _checked(_load(name, num_labels, revision), head, num_labels)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    except UNREADABLE as error:
        raise InputError(_explain(name, error)) from error


def _load(name: str, num_labels: int | None, revision: str | None) -> Backbone:
    if name in BACKBONES:
        return BACKBONES[name].load(num_labels, revision)
    if not name.strip():
        raise InputError(
            f"the name of the model is empty; give a folder, a file, a Hub id or one of: {', '.join(BACKBONES)}"
        )
    path = Path(name).expanduser()
    if path.is_file():
        return _load_file(path)
    if not path.is_dir() and (name.startswith((".", "/", "~")) or path.suffix in SUFFIXES):
        raise InputError(f"no such file or folder; give one, a Hub id or one of: {', '.join(BACKBONES)}")
    return repository(name, revision).load()


def _load_file(path: Path) -> Backbone:
    if path.suffix not in SUFFIXES:
        raise InputError(f"a file of weights ends in {', '.join(SUFFIXES)}")
    if path.name in WEIGHTS and (path.parent / "config.json").is_file():
        return repository(str(path.parent)).load()
    logger.info("%s: normalising by ImageNet's mean and std, as torchvision does", path)
    backbone = from_tensors(read_tensors(path))
    backbone.model.config.name_or_path = str(path)
    return backbone


def _prepared(model: PreTrainedModel) -> Backbone:
    """Returns a model in memory with how its pictures were prepared, which is said where it was loaded from."""
    origin, fields = model.config.name_or_path, model.config.to_dict()
    if fields["model_type"] == TIMM:  # which carries along what timm recorded
        return TimmRepository(Place(origin), fields).prepared(model)
    if not origin:
        return Backbone(model, {})
    try:
        return Backbone(model, IMAGENET) if Path(origin).is_file() else repository(origin).prepared(model)
    except (OSError, ValueError):  # a folder that is no more
        return Backbone(model, {})


def _checked(backbone: Backbone, head: Head, num_labels: int | None) -> Backbone:
    """Returns a backbone with the classifier asked for, if what is left of it is finite."""
    backbone = head(backbone, num_labels)
    check_finite(backbone.model)
    return backbone


def _explain(name: str, error: Exception) -> str:
    reason = first_line(error)
    if Path(name).expanduser().exists():
        return f"the folder {name} holds no image classifier of transformers or timm: {reason}"
    return (
        f"{name} could not be loaded from the Hub: {reason}; without a network give a local folder of an image "
        f"classifier, a file of its weights, or an untrained one such as resnet-small"
    )
