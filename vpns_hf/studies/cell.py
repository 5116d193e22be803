"""A cell of a study: one job at one sparsity, known by everything that has a part in its results."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..jobs import InputArguments, VPNsTrainingArguments
from ..methods import unused_options
from ..reporting import short_percent
from ..utils.options import Part, command_words, defaults_of, given_options, names_of
from .contents import content_of

ALWAYS = ("model_name_or_path", "dataset_name", "method", "sparsities", "seed", "train_batch_size")
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
    def used(self) -> dict[str, Any]:
        """The options that decide on the results, as plain values; those that the method does not use are left out."""
        unused = unused_options(self.args.method, self.args)
        options = {
            name: getattr(kind, name)
            for kind in (self.inputs, self.args)
            for name in names_of(kind, Part.RESULT, Part.CONTENT, Part.SOURCE)
            if name not in unused
        }
        scope = {"scope": self.args.chosen_scope} if "scope" in options else {}  # the same whether it was given or not
        return json.loads(json.dumps({**options, **scope}))

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Everything that has a part in the results, as plain values.

        Options at their defaults are left out, so that a later version that has more options still knows the cell.
        """
        defaults = {**defaults_of(InputArguments), **defaults_of(VPNsTrainingArguments)}
        kept = {name: value for name, value in self.used.items() if name in ALWAYS or value != defaults[name]}
        sources = [name for kind in (self.inputs, self.args) for name in names_of(kind, Part.SOURCE)]
        contents = {name: content_of(kept[name]) for name in sources if name in kept}
        return {**kept, **contents, "threads": self.threads}

    @cached_property
    def name(self) -> str:
        """Of its folder, which no cell of another identity has."""
        digest = hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()[:12]
        percent = short_percent(self.sparsity).rstrip("%").replace(".", "_")
        return f"{self.args.method}-{percent}-seed{self.args.seed}-{digest}"

    @property
    def axes(self) -> dict[str, str]:
        """What tells it from the others of the study, in words; options that its method does not use are left out."""
        return {OWN_AXES.get(name, name): written(self.used[name]) for name in self.varied if name in self.used}

    @property
    def in_words(self) -> str:
        """Method, sparsity, seed, and what else varies."""
        told = ("method", "sparsity", "seed")
        more = [f"{name} {value}" for name, value in self.axes.items() if name not in told]
        return ", ".join([f"{self.args.method} at {short_percent(self.sparsity)}", *more, f"seed {self.args.seed}"])

    def arguments(self, output_dir: Path, shared_dir: Path) -> list[str]:
        """Returns the arguments of the `vpns prune` that makes it: every option that is not at its default."""
        own = {"output_dir": str(output_dir), "shared_dir": str(shared_dir), "disable_tqdm": True}
        given = {name: value for kind in (self.inputs, self.args) for name, value in given_options(kind).items()}
        return command_words({**given, **own})


def written(value: Any) -> str:
    """Returns the value of an option as it would be given."""
    values = value if isinstance(value, list) else [value]
    return " ".join(f"{each:g}" if isinstance(each, float) else str(each) for each in values)
