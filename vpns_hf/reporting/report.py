"""Everything a finished job leaves beside its models: results.json, results.md and plots/."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy.typing as npt

from .numbers import short_percent, sparsity_name
from .plots import plot_accuracy_against_sparsity, plot_density_by_layer, plot_prompt, plot_training_curves
from .results import Results, RunResult
from .tables import results_table


def write_report(
    results: Results, output_dir: str | os.PathLike[str], prompts: Mapping[float, npt.ArrayLike] | None = None
) -> None:
    """Write results.json, results.md and plots/ into `output_dir`.

    Args:
        results: of all runs.
        output_dir: the job's folder; made if it is not there.
        prompts: the change each prompt makes to a pixel, shape (3, O, O), by requested sparsity.
    """
    output_dir = Path(output_dir)
    results.save(output_dir / "results.json")
    pictures = _write_plots(results, output_dir, prompts or {})
    (output_dir / "results.md").write_text(_report(results, pictures), encoding="utf-8")


def write_model_plots(run: RunResult, folder: str | os.PathLike[str], prompt: npt.ArrayLike | None = None) -> None:
    """Write the pictures a model's card shows into `folder`/plots: `density_by_layer.png` and `prompt.png`.

    Args:
        run: the results of the model.
        folder: of the model.
        prompt: the change the prompt makes to a pixel, shape (3, O, O); None without one.
    """
    at = f"at {short_percent(run.sparsity_requested)} sparsity"
    if run.layers:
        plot_density_by_layer(run.layers, Path(folder) / "plots/density_by_layer.png", f"Density by layer {at}")
    if prompt is not None:
        plot_prompt(prompt, Path(folder) / "plots/prompt.png", f"Visual prompt {at}")


def _write_plots(results: Results, output_dir: Path, prompts: Mapping[float, npt.ArrayLike]) -> dict[str, str]:
    """Draw all plots; the caption of each by its path relative to `output_dir`."""
    pictures = {}
    if results.runs:
        plot_accuracy_against_sparsity(results, output_dir / "plots/accuracy_against_sparsity.png")
        pictures["plots/accuracy_against_sparsity.png"] = "Accuracy against sparsity"
    if any(run.history for run in results.runs):
        plot_training_curves(results, output_dir / "plots/training_curves.png")
        pictures["plots/training_curves.png"] = "Training curves"
    for run in results.runs:
        pictures |= _write_run_plots(run, output_dir, prompts.get(run.sparsity_requested))
    return pictures


def _write_run_plots(run: RunResult, output_dir: Path, prompt: npt.ArrayLike | None) -> dict[str, str]:
    name, at = sparsity_name(run.sparsity_requested), f"at {short_percent(run.sparsity_requested)} sparsity"
    pictures = {}
    if run.layers:
        path = f"plots/density_by_layer_{name}.png"
        pictures[path] = f"Density by layer {at}"
        plot_density_by_layer(run.layers, output_dir / path, pictures[path])
    if prompt is not None:
        path = f"plots/prompt_{name}.png"
        pictures[path] = f"Visual prompt {at}"
        plot_prompt(prompt, output_dir / path, pictures[path])
    return pictures


def _report(results: Results, pictures: Mapping[str, str]) -> str:
    facts = {"Model": results.model, "Data set": results.dataset, "Protocol": results.protocol}
    lines = ["# Results", ""]
    lines += [f"- {title}: {fact}" for title, fact in facts.items() if fact]
    lines += ["", results_table(results), "", _note(results), ""] if results.runs else ["", "No runs.", ""]
    if results.command:
        lines += ["```bash", results.command, "```", ""]
    lines += [f"![{caption}]({path})\n" for path, caption in pictures.items()]
    return "\n".join(lines)


def _note(results: Results) -> str:
    splits = ", ".join(sorted({run.split for run in results.runs}))
    return f"Top-1 accuracy on the {splits} split; in brackets the points above or below the dense model."
