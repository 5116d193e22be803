"""The page: its sections, and what follows when something on it is used.

Whatever is used turns one `View` into another; the sections that show a field which changed are written anew, and the
address with them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from textwrap import shorten
from typing import Any

import gradio as gr

from .classifying import Load, LoadedModels
from .comparison import comparison_of
from .details import card_text, details_of
from .found import Found
from .html import ADDRESS, Markup, element, joined
from .overview import AXES, COLUMNS, next_order, orders, overview_of
from .parts import QUIET, written
from .trying import TrySection
from .view import ALL, FILTERS, MOST_TRIED, TABS, WITHIN, View, choices

TITLES = {"network": "Network", "dataset": "Data set", "method": "Method", "granularity": "Unit", "seed": "Seed"}
FIELDS = tuple(View.__dataclass_fields__)
CHOOSE = element("p", "Click on a model in the overview, or choose one above.", class_="vp-note")
UNUSED = (60, 60)  # every so many seconds uploads that are older than so many are removed
MOST_NAMED, LONGEST_NAME = 3, 100  # of the values of an address that are not here
Change = Callable[[View, Any], View]


@dataclass(frozen=True)
class Section:
    """A part of the page that Python writes.

    Attributes:
        fields: of a view that it depends on.
        parts: of the page that it fills.
        write: returns what they hold, for a view.
    """

    fields: Collection[str]
    parts: Sequence[Any]
    write: Callable[[View], Sequence[Any]]


class Page:
    """The page of what was found; `blocks` is what Gradio serves.

    Args:
        found: the models.
        load: loads one to be tried.
    """

    def __init__(self, found: Found, load: Load) -> None:
        self._found = found
        self._controls: dict[str, Any] = {}
        self._sections: list[Section] = []
        with gr.Blocks(
            title="Sparse models", analytics_enabled=False, fill_width=True, delete_cache=UNUSED
        ) as self.blocks:
            self._heading()
            self._controls["tab"] = gr.State(TABS[0])
            with gr.Tabs(selected=TABS[0]) as self._tabs:
                tabs = [self._overview(), self._model(), self._try(load), self._compare()]
            self._address = gr.HTML("", html_template="", js_on_load=ADDRESS, elem_id="address")
            self._sections.append(Section(FIELDS, [self._address], lambda view: [f"?{view.query()}"]))
            self._wire(tabs)

    def _heading(self) -> None:
        gr.Markdown("# Sparse models")
        written(element("p", f"{len(self._found.models)} models in {self._found.place}"))
        self._notice = written(visible=False)
        if self._found.left_out:
            with gr.Accordion(f"{len(self._found.left_out)} left out", open=False):
                written(joined(*(element("p", line, class_="vp-note") for line in self._found.left_out)))

    def _overview(self) -> gr.Tab:
        with gr.Tab("Overview", id="overview") as tab:
            with gr.Row():
                for name in FILTERS:
                    self._controls[name] = gr.Dropdown(
                        choices(self._found, name), multiselect=True, value=[], label=TITLES[name], min_width=150
                    )
            with gr.Row():
                axes = [(axis.title, name) for name, axis in AXES.items()]
                self._controls["axis"] = gr.Radio(axes, value=View.axis, label="Accuracy against", scale=4)
                within = [("Any", ALL), *((_within(points), points) for points in WITHIN)]
                self._controls["within"] = gr.Dropdown(within, value=ALL, label="Accuracy", min_width=170)
                self._controls["sort"] = gr.Dropdown(orders(), value=View.sort, label="Order", min_width=170)
            self._shown = written(overview_of(self._found, View()))
        fields = (*FILTERS, "axis", "within", "sort")
        self._sections.append(Section(fields, [self._shown], lambda view: [overview_of(self._found, view)]))
        return tab

    def _model(self) -> gr.Tab:
        with gr.Tab("Model", id="model") as tab:
            self._controls["model"] = gr.Dropdown(list(self._found.by_key), value=None, label="Model")
            with gr.Row():
                self._to_try = gr.Button("Try it", size="sm")
                self._to_compare = gr.Button("Add to the comparison", size="sm")
            shown = written(CHOOSE)
            with gr.Accordion("Card", open=False):
                card = gr.Markdown("", elem_classes="vp-text")
        self._sections.append(Section(["model"], [shown, card], self._write_model))
        return tab

    def _write_model(self, view: View) -> list[str]:
        model = self._found.by_key.get(view.model)
        if model is None:
            return [CHOOSE, ""]
        return [details_of(model), card_text(model)]

    def _try(self, load: Load) -> gr.Tab:
        with gr.Tab("Try", id="try") as tab:
            self._trying = TrySection(self._found, LoadedModels(load))
        self._controls["tried"] = self._trying.chosen
        return tab

    def _compare(self) -> gr.Tab:
        with gr.Tab("Compare", id="compare") as tab:
            self._controls["compared"] = gr.Dropdown(
                list(self._found.by_key), multiselect=True, value=[], label="Models"
            )
            self._controls["differing"] = gr.Checkbox(True, label="Only options that differ")
            shown = written(comparison_of([], True))
        self._sections.append(Section(["compared", "differing"], [shown], self._write_comparison))
        return tab

    def _write_comparison(self, view: View) -> list[str]:
        models = [self._found.by_key[key] for key in view.compared]
        return [comparison_of(models, view.differing)]

    def _wire(self, tabs: Sequence[gr.Tab]) -> None:
        """Says what each use changes; what the page itself changes is no use."""
        for name in (*FILTERS, "axis", "within", "sort", "model", "compared", "differing"):
            self._react(self._controls[name].input, lambda view, event: view, [name])
        for tab in tabs:
            self._react(tab.select, lambda view, event, name=tab.id: replace(view, tab=name), ["tab"])
        self._react(self._shown.sort, lambda view, event: replace(view, sort=next_order(view, event.column)))
        self._react(self._shown.open, lambda view, event: replace(view, tab="model", model=event.key))
        self._react(self._to_compare.click, _with_comparison)
        for use, change in ((self._to_try.click, _with_trial), (self._trying.chosen.input, lambda view, event: view)):
            self._trying.show_after(self._react(use, change, ["tried"]))
        self._trying.show_after(self._start())

    def _react(self, use: Callable[..., Any], change: Change, touched: Collection[str] = ()) -> Any:
        """Has a use of the page change the view; `touched` are the fields that the use itself has changed before."""

        def react(event: gr.EventData, address: str, *values: Any) -> list[Any]:
            if not address:  # Gradio selects the first tab by itself, before the page has begun
                return [gr.skip() for _ in self._outputs]
            before = View.of(values)
            after = change(before, event)
            return self._rewritten(after, _differing(before, after), touched)

        return use(react, [self._address, *self._inputs], self._outputs, **QUIET)

    def _start(self) -> Any:
        """Has the page begin with what its address says."""

        def start(query: str) -> list[Any]:
            view = View.from_query(query, self._found, AXES, COLUMNS)
            notice = _not_here(View.unknown(query, self._found, AXES, COLUMNS))
            return [
                gr.HTML(notice, visible=bool(notice)),
                *self._rewritten(view, {"tab", *_differing(View(), view)}, ()),
            ]

        outputs = [self._notice, *self._outputs]
        return self.blocks.load(start, [self._address], outputs, js="() => [window.location.search]", **QUIET)

    @property
    def _inputs(self) -> list[Any]:
        return [self._controls[name] for name in FIELDS]

    @property
    def _outputs(self) -> list[Any]:
        return [self._tabs, *self._inputs, *(part for section in self._sections for part in section.parts)]

    def _rewritten(self, view: View, changed: Collection[str], touched: Collection[str]) -> list[Any]:
        """Returns what every output holds after some fields have changed; what does not depend on them stays."""
        tabs = gr.Tabs(selected=view.tab) if "tab" in changed and "tab" not in touched else gr.skip()
        values = dict(zip(FIELDS, view.values(), strict=True))
        controls = [
            (None if values[name] == "" else values[name]) if name in changed else gr.skip() for name in FIELDS
        ]
        held: list[Any] = [tabs, *controls]
        for section in self._sections:
            is_stale = any(name in section.fields for name in (*changed, *touched))
            held += section.write(view) if is_stale else [gr.skip() for _ in section.parts]
        return held


def _not_here(named: Sequence[str]) -> Markup:
    if not named:
        return Markup("")
    more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    first = ", ".join(shorten(name, LONGEST_NAME, placeholder=" ...") for name in named[:MOST_NAMED])
    text = f"The address names what is not here: {first}{more}. The page is shown without it."
    return element("p", text, class_="vp-error", role="alert")


def _differing(one: View, other: View) -> set[str]:
    return {name for name in FIELDS if vars(one)[name] != vars(other)[name]}


def _within(points: str) -> str:
    return f"{points} point{'' if points == '1' else 's'} below dense at most" if float(points) else "Not below dense"


def _with_trial(view: View, event: Any) -> View:
    """Returns the view that tries the open model too, in the place of the first one where there are too many."""
    others = [key for key in view.tried if key != view.model]
    return replace(view, tab="try", tried=(*others, *([view.model] if view.model else []))[-MOST_TRIED:])


def _with_comparison(view: View, event: Any) -> View:
    others = [key for key in view.compared if key != view.model]
    return replace(view, tab="compare", compared=(*others, *([view.model] if view.model else [])))
