"""One model: its figures, prompt, layers, training, the command that made it, and how it is loaded."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence

from ..reporting import (
    EpochRecord,
    LayerRecord,
    ViewAccuracy,
    count,
    latency_title,
    megabytes,
    milliseconds,
    operations,
    percent,
    with_prompt,
)
from ..utils.text import without_shared_head
from .found import FoundModel
from .html import Line, Markup, Scale, bars, element, joined, lines, picture

PNG = b"\x89PNG\r\n\x1a\n"  # how such a file begins
PROMPT_PLOT = "plots/prompt.png"
CARD = "README.md"
PROMPTED, PLAIN = ("with the prompt", 0), ("without", 1)
HEADER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
OWN_LINK = re.compile(r"\[([^\]]*)\]\((?![a-z]+:|#)[^)]*\)", re.IGNORECASE)
OTHER_LINK = re.compile(r"</?a\b[^>]*>|^ {0,3}\[[^\]]+\]:\s*(?!https?:)\S.*$", re.IGNORECASE | re.MULTILINE)
PICTURE = re.compile(r"!\[[^\]]*\]\([^)]*\)|<img[^>]*>", re.IGNORECASE)


def details_of(model: FoundModel) -> Markup:
    """Returns everything that is known of a model but its card."""
    parts = [
        element("h2", model.key),
        _headline(model),
        element("div", _facts(model), _prompt(model), class_="vp-columns"),
        _training(model.run.history),
        _density(model.run.layers),
        _section("Load it", _copyable(loading_code(model))),
        _section("The command that made it", _copyable(model.results.command or "It was not recorded.")),
    ]
    return joined(*parts)


def loading_code(model: FoundModel) -> str:
    """Returns the five lines that load a model and classify a picture."""
    return (
        "from PIL import Image\n"
        "from transformers import pipeline\n"
        f'classifier = pipeline("image-classification", model={model.source!r}, trust_remote_code=True)\n'
        'picture = Image.open("picture.jpg")\n'
        "print(classifier(picture))"
    )


def card_text(model: FoundModel) -> str:
    """Returns the card without its header, without pictures, which may lie anywhere, and without links to files beside it."""
    card = model.file(CARD)
    if card is None:
        return "There is no card."
    text = PICTURE.sub("", HEADER.sub("", card.read_text(encoding="utf-8", errors="replace")))
    return OWN_LINK.sub(r"\1", OTHER_LINK.sub("", text)).strip()


def _headline(model: FoundModel) -> Markup:
    figures = {
        "With the prompt": with_prompt(percent(model.run.accuracy.prompted)),
        "Without": percent(model.run.accuracy.plain),
        "Dense model": percent(model.dense.accuracy),
        "Weights removed": percent(model.run.sparsity),
        "Size": megabytes(model.size),
    }
    return element(
        "dl", *(element("div", element("dt", k), element("dd", v)) for k, v in figures.items()), class_="vp-figures"
    )


def _facts(model: FoundModel) -> Markup:
    run, cost = model.run, model.run.cost
    view = "with" if run.prompt_at_inference else "without"
    rows = [
        ("Network", model.results.model or "not recorded"),
        ("Data set", f"{model.results.dataset or 'not recorded'}, {run.split} split"),
        ("Method", f"{run.method}, by {run.granularity}, seed {run.seed}"),
        ("Used by default", f"{view} the prompt"),
        ("Weights kept", f"{count(run.nonzero)} of {count(run.total)}"),
        ("MACs for one picture", operations(cost.macs)),
        ("MACs with a kept weight", operations(cost.macs_nonzero, cost.macs_kept)),
        (latency_title(cost), f"{milliseconds(cost.milliseconds)}; dense: {milliseconds(cost.dense_milliseconds)}"),
        ("Size of the weights", f"{megabytes(model.size)}; dense: {megabytes(cost.dense_bytes)}"),
        ("Passes over the images", "not recorded" if run.passes is None else str(run.passes)),
    ]
    cells = [element("tr", element("th", name, scope="row"), element("td", value)) for name, value in rows]
    return element("table", element("tbody", *cells), class_="vp-facts")


def _prompt(model: FoundModel) -> Markup | None:
    path = model.file(PROMPT_PLOT)
    if path is None or not (content := path.read_bytes()).startswith(PNG):
        return None
    data = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    return element("figure", picture(data, "What the prompt adds to a picture, with its scale"), class_="vp-paper")


def _training(history: Sequence[EpochRecord]) -> Markup | None:
    if len(history) < 2:
        return None
    losses = [(record.loss.prompted, record.loss.plain) for record in history]
    accuracies = [(of.prompted, of.plain) for of in (record.validation or ViewAccuracy() for record in history)]
    charts = [
        _curves("Training loss", losses, lambda value: f"{value:.3g}"),
        _curves("Validation accuracy", accuracies, lambda value: f"{100 * value:.4g}%"),
    ]
    stages = ", ".join(dict.fromkeys(record.stage.replace("_", " ") for record in history))
    return _section(f"Training ({stages})", element("div", *filter(None, charts), class_="vp-columns"))


def _curves(
    title: str, values: Sequence[tuple[float | None, float | None]], written: Callable[[float], str]
) -> Markup | None:
    columns = list(zip(*values, strict=True))
    known = [value for column in columns for value in column if value is not None]
    if not known:
        return None
    x = Scale.around("Epoch", [1, len(values)], lambda value: f"{value:g}", least_step=1)
    y = Scale.around(title, known, written)
    drawn = [
        Line(name, colour, list(enumerate(column, start=1)))
        for (name, colour), column in zip((PROMPTED, PLAIN), columns, strict=True)
        if any(value is not None for value in column)
    ]
    return element("div", lines(drawn, x, y, f"{title} of every epoch"))


def _density(layers: Sequence[LayerRecord]) -> Markup | None:
    if not layers:
        return None
    names = without_shared_head([layer.name for layer in layers])
    rows = [
        (name, layer.density, f"{percent(layer.density)} of {count(layer.total)}")
        for name, layer in zip(names, layers, strict=True)
    ]
    return _section("Density by layer", bars(rows, "Weights kept of each layer, the first on top"))


def _section(title: str, *content: Markup) -> Markup:
    return element("section", element("h3", title), *content)


def _copyable(text: str) -> Markup:
    button = element("button", "Copy", type="button", class_="vp-copy", data_copy=text)
    return element("div", element("pre", element("code", text), tabindex="0"), button, class_="vp-code")
