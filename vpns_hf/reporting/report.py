"""Everything a finished job leaves beside its models: results.json, results.md and plots/."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy.typing as npt

from .numbers import short_percent, sparsity_name
from .plots import accuracy_figure, density_figure, prompt_figure, save_png, training_figure
from .results import Results, RunResult
from .tables import results_table


def write_report(
    results: Results, output_dir: str | os.PathLike[str], prompts: Mapping[float, npt.ArrayLike] | None = None
) -> None:
    """Writes results.json, results.md and plots/ into `output_dir`.

    Args:
        results: of all runs.
        output_dir: the job's folder; made if it is not there.
        prompts: the change each prompt makes to a pixel, shape (3, O, O), by requested sparsity.
    """
    output_dir, prompts = Path(output_dir), prompts or {}
    results.save(output_dir / "results.json")
    pictures = _write_job_plots(results, output_dir)
    for run in results.runs:
        suffix = f"_{sparsity_name(run.sparsity_requested)}"
        pictures |= write_model_plots(run, output_dir, prompts.get(run.sparsity_requested), suffix)
    (output_dir / "results.md").write_text(_report(results, pictures), encoding="utf-8")


def write_model_plots(
    run: RunResult, folder: str | os.PathLike[str], prompt: npt.ArrayLike | None = None, suffix: str = ""
) -> dict[str, str]:
    """Writes the pictures of one model into `folder`/plots: `density_by_layer.png` and `prompt.png`.

    Args:
        run: the results of the model.
        folder: of the model, or of the job.
        prompt: the change the prompt makes to a pixel, shape (3, O, O); None without one.
        suffix: of the names of the files, where those of several models lie together.

    Returns:
        {path relative to `folder`: caption}.
    """
    at, pictures = f"at {short_percent(run.sparsity_requested)} sparsity", {}
    if run.layers:
        path, caption = f"plots/density_by_layer{suffix}.png", f"Density by layer {at}"
        save_png(density_figure(run.layers, caption), Path(folder) / path)
        pictures[path] = caption
    if prompt is not None:
        path, caption = f"plots/prompt{suffix}.png", f"Visual prompt {at}"
        save_png(prompt_figure(prompt, caption), Path(folder) / path)
        pictures[path] = caption
    return pictures


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
    if results.command:
        lines += ["```bash", results.command, "```", ""]
    lines += [f"![{caption}]({path})\n" for path, caption in pictures.items()]
    return "\n".join(lines)


def _note(results: Results) -> str:
    splits = ", ".join(sorted({run.split for run in results.runs}))
    return f"Top-1 accuracy on the {splits} split; in brackets the points above or below the dense model."
