"""The folder of cards: the template, cards of measured models, and an index that is made from what lies there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from ...errors import InputError
from ...reporting import NOT_MEASURED, Results, markdown_table, passes, percent, short_percent, with_prompt
from ..run_folder import SavedModel
from .model_card import CARD, RESULTS, TEMPLATE, renewed_card
from .planned import PlannedRelease

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
"""
PLANNED = """
## Planned models

To be published as `{owner}/NAME`, by `vpns release NAME`. A number stands here once the card and the results of a run lie here; until then it
is not measured.
"""


def index_page(cards: Path) -> str:
    """Returns the page of a folder of cards: a row per model of its planned.yaml, and one per other card that lies there.

    Raises:
        InputError: if the results beside a card, or planned.yaml, cannot be read.
    """
    there = {path.parent.name: Results.load(path) for path in sorted(cards.glob("*/results.json"))}
    sections, planned = [INTRODUCTION], PlannedRelease.there(cards)
    if planned is not None:
        rows = [_row(each.name, each.sparsity, there.pop(each.name, None), each.command) for each in planned.models]
        sections += [PLANNED.format(owner=planned.owner), markdown_table(HEADER, rows, ALIGNED_RIGHT)]
    others = [_row(name, one.runs[0].sparsity_requested, one, one.command) for name, one in there.items()]
    if others:
        sections += ["\n## Other cards\n", markdown_table(HEADER, others, ALIGNED_RIGHT)]
    return "\n".join(sections) + "\n"


def add_card(
    model: SavedModel, cards: Path, name: str, license: str | None = None, repo_id: str | None = None
) -> Path:
    """Copies the card of a model with what it shows or links to; returns its folder, which is replaced if it is there.

    Args:
        model: that was measured.
        cards: the folder of cards.
        name: of its folder there.
        license: a licence identifier of the Hub; None leaves that of the card.
        repo_id: what the code on the card loads; `name` where the model is not published.

    Raises:
        InputError: if nothing was measured of the model, its card cannot be read, or `name` is no name of a folder.
    """
    if not NAME.fullmatch(name):
        raise InputError(f"name is {name!r}; give letters, digits, '-', '_' and '.', such as resnet18-c10-70")
    if model.run is None:
        raise InputError(f"nothing was measured of {model.folder}: there is no results.json; give a folder of a run")
    results = model.results.of_model(model.run)
    card = renewed_card(model.folder, results, repo_id or name, license)
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
