from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from vpns_hf.reporting import Results, results_table, write_report

PLOTS = {
    "accuracy_against_sparsity.png",
    "density_by_layer_sparsity-40.png",
    "density_by_layer_sparsity-70.png",
    "density_by_layer_sparsity-95.5.png",
    "prompt_sparsity-70.png",
    "training_curves.png",
}


def test_a_report_is_results_in_json_in_markdown_and_in_plots(results, tmp_path):
    write_report(results, tmp_path / "out", prompts={0.7: np.zeros((3, 8, 8))})
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"results.json", "results.md", "plots"}
    assert {path.name for path in (tmp_path / "out" / "plots").iterdir()} == PLOTS
    assert Results.load(tmp_path / "out" / "results.json") == results


def test_results_md_holds_the_table_the_command_and_every_plot(results, tmp_path):
    write_report(results, tmp_path, prompts={0.7: np.zeros((3, 8, 8))})
    text = (tmp_path / "results.md").read_text()
    assert text.startswith("# Results\n\n- Model: org/resnet\n- Data set: org/digits\n- Protocol: The validation")
    assert results_table(results) in text
    assert "```bash\naccelerate launch scripts/prune.py\n```" in text
    assert set(re.findall(r"\(plots/(.*?)\)", text)) == PLOTS


def test_a_report_of_no_runs(results, tmp_path):
    write_report(replace(results, runs=[]), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"results.json", "results.md"}
    assert "No runs." in (tmp_path / "results.md").read_text()
