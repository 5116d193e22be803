"""Models side by side: which options differ, what each makes of every class, and where they are right and wrong."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..reporting import PREDICTIONS, count, percent, with_prompt
from .found import FoundModel
from .html import Markup, element, joined
from .overview import COLUMNS

SHOWN = 40  # classes
OF_A_PLACE = ("output_dir", "overwrite_output_dir")
FIGURES = ("gain", "sparsity", "bytes", "macs", "latency")


@dataclass(frozen=True)
class OptionRow:
    """One option, and what each of the models was made with; None where that is not recorded."""

    name: str
    values: tuple[Any, ...]

    @property
    def differs(self) -> bool:
        """Whether the models were made with different values."""
        return any(value != self.values[0] for value in self.values)


@dataclass(frozen=True)
class RightAndWrong:
    """Which images of a split a model classifies rightly, in the view it takes by default.

    Attributes:
        labels: of the images, (N,) integers.
        right: (N,) bool.
    """

    labels: npt.NDArray[np.int64]
    right: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Agreement:
    """How many images both models are right on, the first alone, the second alone, and neither."""

    both: int
    first: int
    second: int
    neither: int

    @classmethod
    def of(cls, first: RightAndWrong, second: RightAndWrong) -> Agreement:
        """Counts the images of one split."""
        a, b = first.right, second.right
        return cls(int((a & b).sum()), int((a & ~b).sum()), int((~a & b).sum()), int((~a & ~b).sum()))


def option_rows(options: Sequence[Mapping[str, Any]]) -> list[OptionRow]:
    """Returns every option that one of the models records, those that differ first, each part in the order of a recipe."""
    names = dict.fromkeys(name for one in options for name in one if name not in OF_A_PLACE)
    rows = [OptionRow(name, tuple(one.get(name) for one in options)) for name in names]
    return sorted(rows, key=lambda row: not row.differs)


def right_and_wrong(model: FoundModel) -> RightAndWrong | None:
    """Reads which test images a model classifies rightly; None where its job has not kept that."""
    try:
        with open(model.job_folder / PREDICTIONS, "rb") as opened, np.load(opened) as file:
            return RightAndWrong(file["labels"], file[f"{model.run.path}/{model.run.view}"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def comparison_of(models: Sequence[FoundModel], only_differing: bool) -> Markup:
    """Returns everything that models differ in; a request for a second one if there are fewer than two."""
    if len(models) < 2:
        return element("p", "Choose two models or more.", class_="vp-note", role="status")
    parts = [
        _table("Figures", models, [(title, [shown(m) for m in models]) for title, shown in _figures().items()]),
        _options(models, only_differing),
        _classes(models),
        _agreements(models),
    ]
    return joined(*parts)


def _figures() -> dict[str, Callable[[FoundModel], str]]:
    columns = {COLUMNS[name].title: COLUMNS[name].shown for name in FIGURES}
    return {
        "With the prompt": lambda model: with_prompt(percent(model.run.accuracy.prompted)),
        "Without": lambda model: percent(model.run.accuracy.plain),
        "Dense model": lambda model: percent(model.dense.accuracy),
        **columns,
    }


def _options(models: Sequence[FoundModel], only_differing: bool) -> Markup:
    rows = option_rows([_known(model) for model in models])
    shown = [row for row in rows if row.differs or not only_differing]
    if not shown:
        return _section("Options", element("p", "No option that was recorded differs.", class_="vp-note"))
    cells = [(row.name, [_written(value) for value in row.values]) for row in shown]
    return _table("Options", models, cells, marked=[row.name for row in shown if row.differs and not only_differing])


def _known(model: FoundModel) -> dict[str, Any]:
    """Returns the options of a model; the sparsity of its own in the place of all that its job was asked for."""
    options = {name: value for name, value in model.options().items() if name != "sparsities"}
    told = {"method": model.run.method, "granularity": model.run.granularity, "seed": model.run.seed}
    return {**told, "sparsity": model.run.sparsity_requested, **options}


def _classes(models: Sequence[FoundModel]) -> Markup:
    by_class = [{one.name: getattr(one.accuracy, model.run.view) for one in model.run.classes} for model in models]
    names = list(dict.fromkeys(name for one in by_class for name in one))
    if not names:
        note = "The accuracy of each class was not recorded of these models."
        return _section("Accuracy by class", element("p", note, class_="vp-note"))
    spread = {name: _spread([one.get(name) for one in by_class]) for name in names}
    names.sort(key=lambda name: -spread[name])
    rows = [(name, [percent(one.get(name)) for one in by_class]) for name in names[:SHOWN]]
    left = f", the {SHOWN} that differ most of {count(len(names))}" if len(names) > SHOWN else ""
    return _table(f"Accuracy by class{left}", models, rows)


def _spread(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return max(known) - min(known) if known else 0.0


def _agreements(models: Sequence[FoundModel]) -> Markup:
    title, first = "Where they are right and wrong", right_and_wrong(models[0])
    found = [(model, right_and_wrong(model)) for model in models[1:]]
    beside = [(model, of) for model, of in found if of is not None and first is not None]
    same = [(model, of) for model, of in beside if _is_same_split(first, of) and _may_be_same_data(models[0], model)]
    if not same:
        note = (
            f"No two of these models keep their predictions of the same images ({PREDICTIONS}, beside results.json)."
        )
        return _section(title, element("p", note, class_="vp-note"))
    heads = ["Beside", "Both right", f"Only {models[0].key}", "Only the other", "Both wrong"]
    rows = [(model.key, [count(number) for number in vars(Agreement.of(first, of)).values()]) for model, of in same]
    return _section(title, _scrolling(title, heads, rows))


def _is_same_split(one: RightAndWrong, other: RightAndWrong) -> bool:
    return np.array_equal(one.labels, other.labels)


def _may_be_same_data(one: FoundModel, other: FoundModel) -> bool:
    """Returns whether nothing that is recorded tells the test images of two models apart; labels are those of any balanced set."""
    told = [(model.results.test_digest, model.results.dataset) for model in (one, other)]
    if all(digest is not None for digest, _ in told):
        return told[0][0] == told[1][0]
    return told[0][1] == told[1][1]


def _written(value: Any) -> str:
    return "not recorded" if value is None else " ".join(str(value).split())


def _table(
    title: str, models: Sequence[FoundModel], rows: Sequence[tuple[str, Sequence[str]]], marked: Sequence[str] = ()
) -> Markup:
    return _section(title, _scrolling(title, ["", *(model.key for model in models)], rows, marked))


def _scrolling(
    title: str, heads: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]], marked: Sequence[str] = ()
) -> Markup:
    first = element("td") if not heads[0] else element("th", heads[0], scope="col")
    head = element("tr", first, *(element("th", text, scope="col") for text in heads[1:]))
    body = [
        element(
            "tr",
            element("th", name, scope="row"),
            *(element("td", value) for value in values),
            class_="vp-marked" if name in marked else None,
        )
        for name, values in rows
    ]
    whole = element("table", element("thead", head), element("tbody", *body), class_="vp-table")
    return element("div", whole, class_="vp-scroll", tabindex="0", role="region", aria_label=title)


def _section(title: str, content: Markup) -> Markup:
    return element("section", element("h2", title), content)
