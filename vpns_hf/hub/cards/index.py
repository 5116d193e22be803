"""The folder of cards: the template, cards of measured models, and an index that is made from what lies there."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from ...errors import InputError
from ...reporting import NOT_MEASURED, Results, markdown_table, passes, percent, short_percent, with_prompt
from ..run_folder import SavedModel
from .model_card import CARD, RESULTS, TEMPLATE, renewed_card

# What a card shows or links to.
SHOWN = ("recipe.yaml", "plots/prompt.png", "plots/density_by_layer.png")
NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
HEADER = (
    "Model",
    "Sparsity",
    "MACs kept",
    "Top-1, with the prompt",
    "Top-1, without",
    "Dense",
    "Passes, pruned / dense",
    "Command",
)
ALIGNED_RIGHT = (False, True, True, True, True, True, False, False)
INTRODUCTION = """\
# Model cards

[`template.md`](template.md) is the template of every card. `scripts/model_cards.py` writes this page and adds cards; each card lies
here with its pictures and the `results.json` its numbers come from.

## Planned models

To be published as `vpns/NAME`. A number stands here once the card and the results of a run lie here; until then it is not measured.
"""


@dataclass(frozen=True)
class PlannedModel:
    """A network pruned on a data set, both by their short names, at one sparsity."""

    arch: str
    dataset: str
    sparsity: float

    @property
    def name(self) -> str:
        """Of the repository, without its owner."""
        return f"{self.arch}-{self.dataset}-{short_percent(self.sparsity).removesuffix('%')}"

    @property
    def command(self) -> str:
        """The command line that makes and publishes it, to be given in the folder of this project."""
        recipe = f"{self.arch}_{self.dataset.replace('-', '_')}"
        return (
            f"accelerate launch scripts/prune.py --config {recipe} --sparsities {self.sparsity:g} "
            f"--output_dir output/{self.name} --push_to_hub --hub_model_id vpns/{self.name}"
        )


PLANNED = [
    PlannedModel(*choice)
    for choice in product(("resnet18",), ("cifar10", "cifar100", "tiny-imagenet"), (0.4, 0.6, 0.7))
]


def index_page(cards: Path) -> str:
    """Returns the page of a folder of cards: a row per planned model, and one per other card that lies there.

    Raises:
        InputError: if the results beside a card cannot be read.
    """
    there = {path.parent.name: Results.load(path) for path in sorted(cards.glob("*/results.json"))}
    rows = [_row(model.name, model.sparsity, there.pop(model.name, None), model.command) for model in PLANNED]
    others = [_row(name, one.runs[0].sparsity_requested, one, one.command) for name, one in there.items()]
    sections = [INTRODUCTION, markdown_table(HEADER, rows, ALIGNED_RIGHT)]
    if others:
        sections += ["\n## Other cards\n", markdown_table(HEADER, others, ALIGNED_RIGHT)]
    return "\n".join(sections) + "\n"


def add_card(model: SavedModel, cards: Path, name: str, license: str | None = None) -> Path:
    """Copies the card of a model with what it shows or links to; returns its folder, which is replaced if it is there.

    Args:
        model: that was measured.
        cards: the folder of cards.
        name: of its folder there.
        license: a licence identifier of the Hub; None leaves that of the card.

    Raises:
        InputError: if nothing was measured of the model, its card cannot be read, or `name` is no name of a folder.
    """
    if not NAME.fullmatch(name):
        raise InputError(f"name is {name!r}; give letters, digits, '-', '_' and '.', such as {PLANNED[0].name}")
    if model.run is None:
        raise InputError(f"nothing was measured of {model.folder}: there is no results.json; give a folder of a run")
    results = model.results.of_model(model.run)
    card = renewed_card(model.folder, results, model.folder.absolute().name, license)
    folder = cards / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "plots").mkdir(parents=True)
    (folder / CARD).write_text(card, encoding="utf-8")
    results.save(folder / RESULTS)
    for path in SHOWN:
        if (model.folder / path).is_file():
            shutil.copyfile(model.folder / path, folder / path)
    return folder


def write_index(cards: Path) -> None:
    """Writes the index of a folder of cards, and the template that every card is made from."""
    cards.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(TEMPLATE, cards / "template.md")
    (cards / "README.md").write_text(index_page(cards), encoding="utf-8")


def _row(name: str, sparsity: float, results: Results | None, command: str | None) -> list[str]:
    title, measured = f"`{name}`", [NOT_MEASURED] * 5
    if results is not None:
        title, run = f"[`{name}`]({name}/README.md)", results.runs[0]
        dense = results.reference_of(run)
        costs = passes([run.passes and run.passes.total]), passes([dense.passes])
        cost = " / ".join(each or "not recorded" for each in costs)
        measured = [
            percent(run.cost.macs_kept),
            with_prompt(percent(run.accuracy.prompted)),
            percent(run.accuracy.plain),
            percent(dense.accuracy),
            cost,
        ]
    return [title, short_percent(sparsity), *measured, f"`{command}`" if command else "not recorded"]
