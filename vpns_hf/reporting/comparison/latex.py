"""The tables of a comparison in LaTeX, for a paper that loads booktabs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .lines import Setting
from .notes import table_notes
from .table import NOTHING, Entry, Row, accuracy_rows, kept_rows, sparsity_titles

SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "†": r"$\dagger$",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def latex_tables(settings: Sequence[Setting]) -> str:
    """Returns the text of table.tex: of each setting the accuracies, and the multiplications and bytes that are left."""
    return "\n".join(["% Needs \\usepackage{booktabs}", *(_tables(setting) for setting in settings)])


def escaped(text: str) -> str:
    """Returns plain text as LaTeX shows it."""
    return re.sub("|".join(map(re.escape, SPECIAL)), lambda found: SPECIAL[found.group()], text)


def _tables(setting: Setting) -> str:
    columns = sparsity_titles(setting)
    accuracies = [_cells(row) for row in accuracy_rows(setting)]
    title = f"{setting.title}. " if setting.title else ""
    kept = f"{title}Multiplications with a kept weight, of all for one picture, and saved weights."
    return "\n".join(
        [
            _table(
                ["", "Seeds", "Passes/dense", r"Dense \%"], columns, accuracies, title + " ".join(table_notes(setting))
            ),
            _table(["", "Passes/dense"], columns, [list(map(escaped, row)) for row in kept_rows(setting)], kept),
        ]
    )


def _table(titles: Sequence[str], sparsities: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """Returns a table; all but the caption and the sparsities is LaTeX already."""
    first = len(titles) + 1
    header = [*titles, *map(escaped, sparsities)]
    lines = [
        r"\begin{table}",
        r"\centering",
        f"\\caption{{{escaped(caption)}}}",
        f"\\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}",
        r"\toprule",
        f"{'& ' * (first - 1)}\\multicolumn{{{len(sparsities)}}}{{c}}{{Sparsity}} \\\\",
        f"\\cmidrule(lr){{{first}-{len(header)}}}",
        f"{' & '.join(header)} \\\\",
        r"\midrule",
        *(f"{' & '.join(row)} \\\\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> list[str]:
    entries = [NOTHING if entry is None else _written(entry) for entry in row.entries]
    return [escaped(row.label), str(row.seeds), row.passes, _written(row.dense), *entries]


def _written(entry: Entry) -> str:
    text = f"{entry.mean} $\\pm$ {entry.deviation}" if entry.deviation else entry.mean
    text = f"\\textbf{{{text}}}" if entry.is_bold else text
    return text + (f" ($n={entry.seeds}$)" if entry.seeds else "") + (r"$^\dagger$" if entry.is_apart else "")
