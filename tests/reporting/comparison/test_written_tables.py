from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess

import pytest

from tests.reporting.comparison.compared import compared, over_seeds
from vpns_hf.reporting import CostRecord
from vpns_hf.reporting.comparison import comparison_tables, csv_text, latex_tables, settings_of

SEEDS = {7: 0.90, 9: 0.92, 17: 0.97}
COST = CostRecord(macs=1000, macs_nonzero=250)


@pytest.fixture
def runs():
    """Three seeds of vpns and omp at 90%, of vpns at 95% two; one seed of imp, of other passes."""
    return [
        *over_seeds("vpns", SEEDS, cost=COST, size=2_500_000),
        *over_seeds("vpns", {7: 0.5, 9: 0.5}, sparsity=0.95),
        *over_seeds("omp", {seed: value - 0.1 for seed, value in SEEDS.items()}, kept=[4, 0]),
        compared("imp", 0.99, passes=120),
    ]


def cells(text: str, label: str) -> list[str]:
    [line] = [line for line in text.splitlines() if line.startswith(f"| {label} ")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_has_mean_and_deviation_seeds_and_passes_of_both_sides(runs):
    table = comparison_tables(runs)
    assert cells(table, "vpns") == ["vpns", "3", "60/60", "90.00 ± 0.00", "**93.00 ± 3.61**", "50.00 ± 0.00 (n=2)"]
    assert cells(table, "omp") == ["omp", "3", "60/60", "90.00 ± 0.00", "83.00 ± 3.61", "-"]
    assert cells(table, "imp") == ["imp", "1", "120/60", "90.00", "99.00 †", "-"]


def test_beside_the_table_stands_what_makes_it_honest(runs):
    table = comparison_tables(runs)
    for said in (
        "on the test split of 100 images",
        "over seeds: 7, 9, 17 of vpns, omp; 7 of imp",
        "† Not ranked with the others: imp at 90% (seeds 7, not 7, 9, 17; 120 passes, not 60 as vpns).",
        "omp at 90% (seeds 7, 9, 17) has no weight left in net.1",
    ):
        assert said in table
    assert "Not recorded" not in table


def test_what_differs_beside_the_method_is_listed():
    runs = [compared("vpns", 0.9, options={"prompt_size": 3}), compared("omp", 0.8, options={"prompt_size": 4})]
    table = comparison_tables(runs)
    assert "These differ in more than method, seed: prompt_size (3, 4)." in table
    assert cells(table, "vpns, prompt_size 3")
    asked_for = [compared("vpns", 0.9), compared("omp", 0.8)]
    assert "differ in more" not in comparison_tables(asked_for)


def test_what_is_not_recorded_is_said():
    table = comparison_tables([compared("vpns", 0.9, images=None, data={}), compared("omp", 0.8)])
    assert "number of test images of 1 run, digests of the images of 1 run of 2." in table


def test_passes_that_lack_a_part_of_an_epoch_are_said(runs):
    equal = {"equal_passes": 60}
    table = comparison_tables([compared("omp", 0.9, options=equal), compared("snip", 0.8, passes=58.1, options=equal)])
    assert "they differ by less than an epoch of tuning" in table
    assert "less than an epoch" not in comparison_tables(runs)


def test_the_latex_has_the_same_numbers_between_the_rules_of_booktabs(runs):
    text = latex_tables(settings_of(runs))
    accuracies, kept = re.findall(r"\\begin\{table\}.*?\\end\{table\}", text, re.S)
    assert (
        r"vpns & 3 & 60/60 & 90.00 $\pm$ 0.00 & \textbf{93.00 $\pm$ 3.61} & 50.00 $\pm$ 0.00 ($n=2$) \\" in accuracies
    )
    assert r"imp & 1 & 120/60 & 90.00 & 99.00$^\dagger$ & - \\" in accuracies
    assert r"vpns & 60/60 & 25.0\%, 2.5 MB & -, - \\" in kept
    for table in (accuracies, kept):
        [columns] = re.findall(r"\\begin\{tabular\}\{(lr*)\}", table)
        rows = [line for line in table.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
        assert {row.count("&") + 1 for row in rows} == {len(columns)}
        assert all(table.count(f"\\{rule}") == 1 for rule in ("toprule", "midrule", "bottomrule", "caption"))
        assert table.count("{") - table.count(r"\{") == table.count("}") - table.count(r"\}")


def test_names_are_escaped_in_latex():
    runs = [compared("vpns", 0.9, options={"exclude": value}) for value in ("a_b%", "#{c}&\\")]
    text = latex_tables(settings_of(runs))
    for label in (r"vpns, exclude a\_b\% &", r"vpns, exclude \#\{c\}\&\textbackslash{} &"):
        assert text.count(label) == 2  # accuracies, and what is kept


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX is installed")
def test_the_latex_compiles(runs, tmp_path):
    body = latex_tables(settings_of(runs))
    document = f"\\documentclass{{article}}\\usepackage{{booktabs}}\\begin{{document}}{body}\\end{{document}}"
    (tmp_path / "paper.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0


def test_the_csv_has_a_row_for_each_run(runs):
    rows = list(csv.DictReader(io.StringIO(csv_text(settings_of(runs), {run.folder: "job" for run in runs}))))
    assert len(rows) == len(runs)
    first = {
        name: rows[0][name] for name in ("dataset", "method", "seed", "accuracy", "view", "bytes", "passes", "job")
    }
    assert first == {
        **{"dataset": "data", "method": "vpns", "seed": "7", "accuracy": "0.9", "view": "plain"},
        **{"bytes": "2500000", "passes": "60.0", "job": "job"},
    }
    assert rows[0]["accuracy_prompted"] == ""
