"""Names of repositories: checked, and filled in for each model of a run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Formatter

from huggingface_hub.utils import HFValidationError, validate_repo_id

from ..backbones import BACKBONES
from ..data import DATASETS
from ..errors import InputError
from ..reporting import granularity_name, sparsity_name
from ..utils.public_names import public_name

FIELDS = ("arch", "dataset", "sparsity", "method", "granularity", "seed")


def check_repo_id(repo_id: str) -> str:
    """Returns a repository id of the form `owner/name`.

    Raises:
        InputError: if it is none.
    """
    try:
        validate_repo_id(repo_id)
        is_valid = repo_id.count("/") == 1
    except HFValidationError:
        is_valid = False
    if not is_valid:
        raise InputError(
            f"{repo_id!r} is no repository id; give owner/name, of letters, digits, '-', '_' and '.', "
            "such as vpns/resnet18-c100-70"
        )
    return repo_id


def pattern_fields(pattern: str) -> set[str]:
    """Returns the names in braces of an id such as `vpns/{arch}-{dataset}-{sparsity}`.

    Raises:
        InputError: if one of them is not of `FIELDS`.
    """
    try:
        names = {name for _, name, _, _ in Formatter().parse(pattern) if name is not None}
    except ValueError:
        names = {pattern}
    unknown = sorted(names - set(FIELDS))
    if unknown:
        raise InputError(
            f"the id {pattern!r} has {unknown[0]!r} in braces; allowed: {', '.join(f'{{{name}}}' for name in FIELDS)}"
        )
    return names


def fill_pattern(pattern: str, values: Mapping[str, str]) -> str:
    """Returns the id a pattern gives for one model.

    Args:
        pattern: an id, perhaps with names in braces.
        values: what they stand for, as far as it is known.

    Raises:
        InputError: if a name in braces is not allowed or not known, or the result is no id.
    """
    unknown = sorted(pattern_fields(pattern) - values.keys())
    if unknown:
        raise InputError(
            f"nothing says what {{{unknown[0]}}} is in {pattern!r}: the results tell no such thing; write it out"
        )
    return check_repo_id(pattern.format(**values))


def field_values(
    model: str | None, dataset: str | None, sparsity: float, method: str, granularity: str, seed: int
) -> dict[str, str]:
    """Returns what the names in braces stand for, for one model; without those of a model or data set that is None."""
    values = {
        "arch": architecture_name(model) if model else None,
        "dataset": dataset_name(dataset) if dataset else None,
        "sparsity": sparsity_name(sparsity).partition("-")[2],
        "method": method,
        "granularity": granularity_name(granularity),
        "seed": str(seed),
    }
    return {name: value for name, value in values.items() if value is not None}


def architecture_name(model: str) -> str:
    """Returns a short name of a network: `microsoft/resnet-18` and `timm/resnet18.tv_in1k` are `resnet18`."""
    name = public_name(model).rpartition("/")[2].lower()
    squashed = {_squash(short): short for short in BACKBONES}
    return squashed.get(_squash(name.partition(".")[0]), _slug(name))


def dataset_name(dataset: str) -> str:
    """Returns a short name of a data set: `uoft-cs/cifar100` is `cifar100`."""
    short = next((short for short, spec in DATASETS.items() if dataset in (short, spec.path)), None)
    return short or _slug(public_name(dataset).rpartition("/")[2].lower())


def _squash(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", name).strip("-.")
