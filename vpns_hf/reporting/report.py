"""Everything a finished job leaves beside its models: results.json, results.md and plots/."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy.typing as npt

from .classes import class_table
from .numbers import count, interval, short_percent
from .plots import accuracy_figure, density_figure, prompt_figure, save_png, training_figure
from .results import Results, RunResult
from .tables import results_table, view_notes

MODEL_PLOTS = {"plots/density_by_layer.png": "Density by layer", "plots/prompt.png": "Visual prompt"}


def write_report(results: Results, output_dir: str | os.PathLike[str]) -> None:
    """Writes results.json, results.md and plots/ into `output_dir`.

    Args:
        results: of all runs; the pictures of a model that lie in its folder are shown as well.
        output_dir: the job's folder; made if it is not there.
    """
    output_dir = Path(output_dir)
    results.save(output_dir / "results.json")
    pictures = _write_job_plots(results, output_dir)
    for run in results.runs:
        there = [name for name in MODEL_PLOTS if (output_dir / run.path / name).is_file()]
        pictures |= {f"{run.path}/{name}": _caption(name, run) for name in there}
    (output_dir / "results.md").write_text(_report(results, pictures), encoding="utf-8")


def write_model_plots(run: RunResult, folder: str | os.PathLike[str], prompt: npt.ArrayLike | None = None) -> None:
    """Writes the pictures of one model into `folder`/plots: `density_by_layer.png` and `prompt.png`.

    Args:
        run: the results of the model.
        folder: of the model.
        prompt: the change the prompt makes to a pixel, shape (3, O, O); None without one.
    """
    density, change = MODEL_PLOTS
    if run.layers:
        save_png(density_figure(run.layers, _caption(density, run)), Path(folder) / density)
    if prompt is not None:
        save_png(prompt_figure(prompt, _caption(change, run)), Path(folder) / change)


def _caption(name: str, run: RunResult) -> str:
    return f"{MODEL_PLOTS[name]} at {short_percent(run.sparsity_requested)} sparsity"


def _write_job_plots(results: Results, output_dir: Path) -> dict[str, str]:
    pictures = {}
    if results.runs:
        save_png(accuracy_figure(results), output_dir / "plots/accuracy_against_sparsity.png")
        pictures["plots/accuracy_against_sparsity.png"] = "Accuracy against sparsity"
    if any(run.history for run in results.runs):
        save_png(training_figure(results), output_dir / "plots/training_curves.png")
        pictures["plots/training_curves.png"] = "Training curves"
    return pictures


def _report(results: Results, pictures: Mapping[str, str]) -> str:
    facts = {"Model": results.model, "Data set": results.dataset, "Protocol": results.protocol}
    lines = ["# Results", ""]
    lines += [f"- {title}: {fact}" for title, fact in facts.items() if fact]
    lines += ["", results_table(results), "", _note(results), ""] if results.runs else ["", "No runs.", ""]
    if classes := class_table(results):
        view = ", in the view that each model takes by default" if view_notes(results) else ""
        lines += [f"## Accuracy by class{view}", "", classes, ""]
    if results.command:
        lines += ["```bash", results.command, "```", ""]
    lines += [f"![{caption}]({path})\n" for path, caption in pictures.items()]
    return "\n".join(lines)


def _note(results: Results) -> str:
    splits = ", ".join(sorted({run.split for run in results.runs}))
    return (
        f"Top-1 accuracy on the {splits} split{_test_images(results)}; in brackets the points above or below the dense "
        "model. A pass is one time through the training images, forward and backward, after any dense training that all "
        "share; behind the stroke those of the dense model. Weights are those kept, and MACs kept the share of the "
        f"multiplications for one picture that have a kept weight.{_beside_the_passes(results)}"
    )


def _beside_the_passes(results: Results) -> str:
    """Says what was trained for the runs beside their passes."""
    told = {
        "init_mask": "begin with the mask of another run, and its passes",
        "distill_alpha": "learn from a teacher, and the passes of its training and its answers",
    }
    return "".join(f" All {what} are not counted." for name, what in told.items() if results.options.get(name))


def _test_images(results: Results) -> str:
    if not results.test_images:
        return ""
    low, high = interval(results.runs[0].accuracy.plain or 0.0, results.test_images)
    return (
        f" of {count(results.test_images)} images, of which one is {100 / results.test_images:.2g} points (95% confidence "
        f"of the first without a prompt: {100 * low:.2f} to {100 * high:.2f}%)"
    )
