"""A cell of a study: one job at one sparsity, known by everything that has a part in its results."""

from __future__ import annotations

import hashlib
import json
from dataclasses import MISSING, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from ..data.catalog import find_spec
from ..jobs import InputArguments, VPNsTrainingArguments
from ..methods import unused_options
from ..reporting import short_percent
from ..utils.options import Part, names_of
from .contents import content_of

NAMES_OF_CONTENT = ("model_name_or_path", "dataset_name", "init_mask", "like")
OWN_AXES = {"sparsities": "sparsity", "model_name_or_path": "model", "dataset_name": "data"}


@dataclass(frozen=True)
class Cell:
    """One job at one sparsity.

    Attributes:
        inputs: its model and data.
        args: its other options, with one sparsity; where it writes and what it shares are those of the study.
        varied: names of the options that differ between the cells of the study.
        threads: of its process; sums of several threads differ in their last bits from those of one.
    """

    inputs: InputArguments
    args: VPNsTrainingArguments
    varied: tuple[str, ...] = ()
    threads: int = 1

    @property
    def sparsity(self) -> float:
        """That is asked for."""
        return self.args.sparsities[0]

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Everything that has a part in the results, as plain values."""
        options = {**vars(self.inputs), **vars(self.args.for_dataset(find_spec(self.inputs.dataset_name)))}
        unused = unused_options(self.args.method, self.args)
        kept = [
            *names_of(self.inputs, Part.RESULT, Part.CONTENT),
            *names_of(self.args, Part.RESULT, Part.CONTENT),
        ]
        identity = {name: options[name] for name in kept if name not in unused}
        identity["scope"] = None if "scope" in unused else self.args.chosen_scope
        contents = {name: content_of(identity.get(name)) for name in NAMES_OF_CONTENT}
        return json.loads(json.dumps({**identity, **contents, "threads": self.threads}))

    @cached_property
    def name(self) -> str:
        """Of its folder, which no cell of another identity has."""
        digest = hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()[:12]
        percent = short_percent(self.sparsity).rstrip("%").replace(".", "_")
        return f"{self.args.method}-{percent}-seed{self.args.seed}-{digest}"

    @property
    def axes(self) -> dict[str, str]:
        """What tells it from the others of the study, in words; options that its method does not use are left out."""
        options = {**vars(self.inputs), **vars(self.args)}
        used = [name for name in self.varied if self.identity.get(name) is not None]
        return {OWN_AXES.get(name, name): _written(options[name]) for name in used}

    @property
    def in_words(self) -> str:
        """Method, sparsity, seed, and what else varies."""
        told = ("method", "sparsity", "seed")
        more = [f"{name} {value}" for name, value in self.axes.items() if name not in told]
        return ", ".join([f"{self.args.method} at {short_percent(self.sparsity)}", *more, f"seed {self.args.seed}"])

    def arguments(self, output_dir: Path, shared_dir: Path) -> list[str]:
        """Returns the arguments of the `vpns prune` that makes it: every option that is not at its default."""
        own = {"output_dir": str(output_dir), "shared_dir": str(shared_dir), "disable_tqdm": True}
        given = {name: value for kind in (self.inputs, self.args) for name, value in _given(kind).items()}
        return [word for name, value in {**given, **own}.items() for word in _words(name, value)]


def _given(options: Any) -> dict[str, Any]:
    """Returns the options that are not at their defaults."""
    found = {}
    for entry in fields(options):
        default = entry.default if entry.default_factory is MISSING else entry.default_factory()
        value = getattr(options, entry.name)
        if value is not None and value != default:
            found[entry.name] = value
    return found


def _words(name: str, value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [f"--{name}", *(str(each).lower() if isinstance(each, bool) else str(each) for each in values)]


def _written(value: Any) -> str:
    values = value if isinstance(value, list) else [value]
    return " ".join(f"{each:g}" if isinstance(each, float) else str(each) for each in values)
