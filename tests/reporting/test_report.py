from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from vpns_hf.reporting import Results, ViewAccuracy, results_table, write_model_plots, write_report

PLOTS = {"plots/accuracy_against_sparsity.png", "plots/training_curves.png"}
OF_MODELS = {"sparsity-40/plots/density_by_layer.png", "sparsity-70/plots/density_by_layer.png"}


@pytest.mark.slow
def test_a_report_is_results_in_json_in_markdown_and_in_plots(results, tmp_path):
    write_report(results, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"results.json", "results.md", "plots"}
    assert {f"plots/{path.name}" for path in (tmp_path / "out" / "plots").iterdir()} == PLOTS
    assert Results.load(tmp_path / "out" / "results.json") == results


@pytest.mark.slow
def test_results_md_holds_the_table_the_command_and_every_plot(results, tmp_path):
    first, second = results.runs[:2]
    write_model_plots(first, tmp_path / first.path)
    write_model_plots(second, tmp_path / second.path, np.zeros((3, 8, 8)))
    write_report(results, tmp_path)
    text = (tmp_path / "results.md").read_text()
    assert text.startswith("# Results\n\n- Model: org/resnet\n- Data set: org/digits\n- Protocol: The validation")
    assert results_table(results) in text
    assert "```bash\naccelerate launch scripts/prune.py\n```" in text
    pictures = re.findall(r"!\[.*\]\((.*)\)", text)
    assert set(pictures) == {*PLOTS, *OF_MODELS, "sparsity-70/plots/prompt.png"}
    assert all((tmp_path / picture).is_file() for picture in pictures)
    assert "![Visual prompt at 70% sparsity](sparsity-70/plots/prompt.png)" in text


@pytest.mark.slow
def test_the_note_says_what_a_pass_is_and_on_how_many_images(results, tmp_path):
    """90% of 100 images: 95% interval 82.56 to 94.48% (Wilson, worked by hand)."""
    run = replace(results.runs[0], accuracy=ViewAccuracy(0.92, 0.9))
    write_report(replace(results, runs=[run], images={"test": 100}), tmp_path)
    text = (tmp_path / "results.md").read_text()
    assert (
        "test split of 100 images, of which one is 1 points (95% confidence of the first without a prompt: 82.56 to"
        in text
    )
    assert "A pass is one time through the training images" in text


def test_a_report_of_no_runs(results, tmp_path):
    write_report(replace(results, runs=[]), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"results.json", "results.md"}
    assert "No runs." in (tmp_path / "results.md").read_text()
