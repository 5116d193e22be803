"""The recipe a run leaves behind: every option as it took effect, to be given to `--config` again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ..utils.options import Part, names_of
from ..utils.public_names import public_name
from .arguments import InputArguments, VPNsTrainingArguments


def write_recipe(path: Path, options: Mapping[str, Any]) -> None:
    """Writes options of `vpns prune` as a YAML recipe; those that are None are left out."""
    given = {name: value for name, value in options.items() if value is not None}
    path.write_text(yaml.safe_dump(given, sort_keys=False, allow_unicode=True), encoding="utf-8")


def public_recipe(options: Mapping[str, Any], sparsity: float) -> dict[str, Any]:
    """Returns the options that concern the model of one sparsity; local paths lose the folders that lead to them."""
    return {**public_options(options), "sparsities": [sparsity]}


def public_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options that decide on the results; local paths lose the folders that lead to them."""
    of_the_machine = names_of(VPNsTrainingArguments, Part.MACHINE)
    shown = {name: value for name, value in options.items() if name not in of_the_machine}
    sources = [name for kind in (InputArguments, VPNsTrainingArguments) for name in names_of(kind, Part.SOURCE)]
    names = {name: public_name(shown[name]) for name in sources if shown.get(name) is not None}
    return {**shown, **names}
