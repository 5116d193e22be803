"""The overview: which models a view shows, in which order, as a chart and as a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..reporting import count, megabytes, milliseconds, operations, percent
from ..utils.text import without_shared_head
from .found import Found, FoundModel
from .html import Markup, Point, Scale, element, joined, legend, scatter
from .view import ALL, View

Value = Callable[[FoundModel], float | str | None]


@dataclass(frozen=True)
class Column:
    """A column of the table: its title, what it is sorted by, and what is shown."""

    title: str
    value: Value
    shown: Callable[[FoundModel], str]


@dataclass(frozen=True)
class Axis:
    """What the chart can show models against: its title, the value of a model, and how a number is written."""

    title: str
    value: Callable[[FoundModel], float | None]
    written: Callable[[float], str]


AXES = {
    "sparsity": Axis("Sparsity", lambda model: model.run.sparsity, lambda value: f"{100 * value:.4g}%"),
    "bytes": Axis("Size of the weights", lambda model: model.size, lambda value: f"{value / 1e6:.3g} MB"),
    "macs": Axis("MACs with a kept weight", lambda model: model.run.cost.macs_nonzero, operations),
    "latency": Axis("Latency, batch of 1", lambda model: model.run.cost.milliseconds, milliseconds),
}

COLUMNS = {
    "model": Column("Model", lambda model: model.key, lambda model: model.key),
    "accuracy": Column("Top-1", lambda model: model.accuracy, lambda model: percent(model.accuracy)),
    "gain": Column("To dense", lambda model: model.gain, lambda model: _points(model.gain)),
    "method": Column("Method", lambda model: model.run.method, lambda model: model.run.method),
    "sparsity": Column("Sparsity", AXES["sparsity"].value, lambda model: percent(model.run.sparsity)),
    "bytes": Column("Size", AXES["bytes"].value, lambda model: megabytes(model.size)),
    "macs": Column("MACs kept", AXES["macs"].value, lambda model: operations(model.run.cost.macs_nonzero)),
    "latency": Column("Latency", AXES["latency"].value, lambda model: milliseconds(model.run.cost.milliseconds)),
    "network": Column("Network", lambda model: model.network, lambda model: model.network),
    "dataset": Column("Data set", lambda model: model.dataset, lambda model: model.dataset),
    "granularity": Column("Unit", lambda model: model.run.granularity, lambda model: model.run.granularity),
    "seed": Column("Seed", lambda model: model.run.seed, lambda model: str(model.run.seed)),
}
# The folder of a model in its job, and the digest in the name of a study's job.
TAILS = (re.compile(r"(?<=.)/sparsity-[\d.e-]+$"), re.compile(r"(?<=.)-[0-9a-f]{12}(?=/|$)"))
OF_WORDS = ("model", "method", "network", "dataset", "granularity")


def chosen_models(found: Found, view: View) -> list[FoundModel]:
    """Returns the models that pass the filters, as the table lists them; without a value in its column come last."""
    passing = [model for model in found.models if view.admits(model)]
    value = COLUMNS[view.sort.removeprefix("-")].value
    known = [model for model in passing if value(model) is not None]
    known.sort(key=value, reverse=view.sort.startswith("-"))
    return known + [model for model in passing if value(model) is None]


def next_order(view: View, column: str) -> str:
    """Returns the order after a click on the head of a column: turned round where it is that column's already."""
    first = column if column in (*OF_WORDS, "bytes", "macs", "latency", "seed") else f"-{column}"
    other = first.removeprefix("-") if first.startswith("-") else f"-{first}"
    return other if view.sort == first else first


def orders() -> list[tuple[str, str]]:
    """Returns the orders of the table to choose from: in words, and as a view holds them."""
    ends = [
        ((f"{column.title}, A to Z", name), (f"{column.title}, Z to A", f"-{name}"))
        if name in OF_WORDS
        else ((f"{column.title}, smallest first", name), (f"{column.title}, largest first", f"-{name}"))
        for name, column in COLUMNS.items()
    ]
    return [order for both in ends for order in both]


def overview_of(found: Found, view: View) -> Markup:
    """Returns the chart and the table of the models that a view shows."""
    models = chosen_models(found, view)
    said = f"{count(len(models))} of {count(len(found.models))} models" + _not_compared(found, view)
    if not models:
        return element("p", f"{said}: nothing passes all filters. Clear one of them.", class_="vp-note", role="status")
    return joined(chart(models, found, view), element("p", said, class_="vp-note", role="status"), table(models, view))


def _not_compared(found: Found, view: View) -> str:
    """Says how many models a filter by the dense accuracy leaves out because theirs was not measured."""
    if view.within == ALL:
        return ""
    others = [model for model in found.models if model.gain is None and replace(view, within=ALL).admits(model)]
    return f"; of {count(len(others))} no dense model was measured" if others else ""


def chart(models: Sequence[FoundModel], found: Found, view: View) -> Markup:
    """Returns accuracy against the axis of the view, coloured by method, with the range of the dense models shaded."""
    axis = AXES[view.axis]
    placed = [(model, axis.value(model)) for model in models if model.accuracy is not None]
    points = [_point(model, value, axis, found) for model, value in placed if value is not None]
    if not points:
        return element("p", f"{axis.title}: not recorded of these models.", class_="vp-note")
    dense = [model.dense.accuracy for model in models if model.dense.accuracy is not None]
    across = [point.x for point in points]
    x = Scale.around(axis.title, across, axis.written)
    x = x.with_ticks_at(across) if view.axis == "sparsity" else x
    y = Scale.around("Top-1 accuracy", [*(point.y for point in points), *dense], lambda value: f"{100 * value:.4g}%")
    y = y.with_ticks_up_to(1.0)
    methods = [(method, place) for place, method in enumerate(found.methods) if place in {p.colour for p in points}]
    band = (min(dense), max(dense)) if dense else None
    return joined(scatter(points, x, y, band), legend(methods))


def table(models: Sequence[FoundModel], view: View) -> Markup:
    """Returns the table: heads that sort, and rows whose model opens."""
    heads = [_head(name, column, view) for name, column in COLUMNS.items()]
    names = short_names([model.key for model in models])
    rows = [_row(model, name, view) for model, name in zip(models, names, strict=True)]
    whole = element("table", element("thead", element("tr", *heads)), element("tbody", *rows), class_="vp-table")
    return element("div", whole, class_="vp-scroll", tabindex="0", role="region", aria_label="Table of the models")


def short_names(keys: Sequence[str]) -> list[str]:
    """Returns what tells models apart: keys without the folders that all are in, digest and sparsity where the rest will do."""
    names = without_shared_head(keys, "/")
    for tail in TAILS:
        shorter = [tail.sub("", name) for name in names]
        names = shorter if len(set(shorter)) == len(names) else names
    return names


def _point(model: FoundModel, value: float, axis: Axis, found: Found) -> Point:
    says = f"{model.key}\n{model.run.method}, {percent(model.run.sparsity)} sparse\nTop-1 {percent(model.accuracy)}"
    shown = "" if axis is AXES["sparsity"] else f"\n{axis.title}: {axis.written(value)}"
    return Point(value, model.accuracy, found.methods.index(model.run.method), model.key, says + shown)


def _head(name: str, column: Column, view: View) -> Markup:
    directions = {name: "ascending", f"-{name}": "descending"}
    arrow = {name: " ▲", f"-{name}": " ▼"}.get(view.sort, "")
    button = element("button", column.title + arrow, type="button", data_sort=name)
    return element("th", button, scope="col", aria_sort=directions.get(view.sort), class_=_alignment(name))


def _row(model: FoundModel, name: str, view: View) -> Markup:
    columns = list(COLUMNS.items())[1:]
    cells = [element("td", column.shown(model), class_=_alignment(head)) for head, column in columns]
    opened = replace(view, tab="model", model=model.key)
    link = element("a", name, href=f"?{opened.query()}", data_model=model.key, title=model.key)
    return element("tr", element("th", link, scope="row"), *cells)


def _alignment(name: str) -> str | None:
    return None if name in OF_WORDS else "vp-number"


def _points(gain: float | None) -> str:
    return "not measured" if gain is None else f"{round(100 * gain, 2) + 0.0:+.2f}"  # without a minus before zero
