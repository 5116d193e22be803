"""A comparison in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..markdown import markdown_table
from ..numbers import short_percent
from .agreement import Agreement
from .compared_run import ComparedRun
from .differences import Difference
from .lines import Setting, settings_of
from .notes import difference_notes, table_notes
from .statistics import Interval
from .table import NOTHING, Entry, Row, accuracy_rows, kept_rows, sparsity_titles

APART = " †"


@dataclass(frozen=True)
class Section:
    """What is told of a setting.

    Attributes:
        setting: with its lines.
        differences: between these.
        agreements: of their masks, by sparsity.
        pictures: {path from the report: caption}.
    """

    setting: Setting
    differences: Sequence[Difference]
    agreements: Sequence[Agreement]
    pictures: Mapping[str, str]


def report(sections: Sequence[Section]) -> str:
    """Returns the text of results.md."""
    parts = ["# Comparison"]
    for section in sections:
        parts += [f"## {section.setting.title or 'All runs'}", *_section(section.setting, section.differences)]
        parts += [f"![{caption}]({path})" for path, caption in section.pictures.items()]
    return "\n\n".join(parts) + "\n"


def comparison_tables(runs: Sequence[ComparedRun]) -> str:
    """Returns the accuracies of all settings, each a table with what has to be said beside it.

    Raises:
        InputError: if there is nothing to compare, or two runs are the same.
    """
    return "\n\n".join(f"{setting.title}\n\n{_accuracies(setting)}".strip() for setting in settings_of(runs))


def _accuracies(setting: Setting, in_file: bool = False) -> str:
    """Returns the table of accuracies with what has to be said beside it."""
    header = ["", "Seeds", "Passes/dense", "Dense %", *sparsity_titles(setting)]
    rows = [_cells(row) for row in accuracy_rows(setting)]
    table = markdown_table(header, rows, [False, *[True] * (len(header) - 1)], in_file)
    return "\n\n".join([table, *table_notes(setting)])


def _section(setting: Setting, differences: Sequence[Difference]) -> list[str]:
    header = ["", "Passes/dense", *sparsity_titles(setting)]
    kept = markdown_table(header, kept_rows(setting), [False, *[True] * (len(header) - 1)], in_file=True)
    parts = [_accuracies(setting, in_file=True), "### What is left", kept]
    parts.append(
        "Multiplications with a kept weight, of all for one picture, and the saved weights; means over seeds."
    )
    if differences:
        parts += ["### Differences", _difference_table(setting, differences), *difference_notes(differences)]
    return parts


def _cells(row: Row) -> list[str]:
    entries = [NOTHING if entry is None else _written(entry) for entry in row.entries]
    return [row.label, str(row.seeds), row.passes, _written(row.dense), *entries]


def _written(entry: Entry) -> str:
    text = f"{entry.mean} ± {entry.deviation}" if entry.deviation else entry.mean
    text = f"**{text}**" if entry.is_bold else text
    return text + (f" (n={entry.seeds})" if entry.seeds else "") + (APART if entry.is_apart else "")


def _difference_table(setting: Setting, differences: Sequence[Difference]) -> str:
    by_pair: dict[tuple[str, str], dict[float, Interval]] = {}
    for each in differences:
        by_pair.setdefault((each.one, each.other), {})[each.sparsity] = each.interval
    rows = [
        [f"{one} - {other}", *(_interval(found.get(sparsity)) for sparsity in setting.sparsities)]
        for (one, other), found in by_pair.items()
    ]
    header = ["", *(short_percent(sparsity) for sparsity in setting.sparsities)]
    return markdown_table(header, rows, [False, *[True] * len(setting.sparsities)], in_file=True)


def _interval(interval: Interval | None) -> str:
    if interval is None:
        return NOTHING
    ends = "" if interval.low is None else f" [{100 * interval.low:+.2f}, {100 * interval.high:+.2f}]"
    return f"{_points(interval.mean)}{ends}"


def _points(fraction: float) -> str:
    return f"{round(100 * fraction, 2) + 0.0:+.2f}"
