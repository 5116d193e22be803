"""Folders as `scripts/prune.py` leaves them, made without training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.helpers import prune_at_random
from tests.results import run_result
from vpns_hf import VPNsForImageClassification, VPNsTrainingArguments
from vpns_hf.hub.cards import write_model_card
from vpns_hf.jobs import public_recipe, write_recipe
from vpns_hf.jobs.output import save_model
from vpns_hf.pruning import layer_records
from vpns_hf.reporting import (
    CostRecord,
    DenseResult,
    Results,
    RunResult,
    ViewAccuracy,
    write_model_plots,
    write_report,
)


def write_run(folder: Path, base: VPNsForImageClassification, accuracies: dict[float, float], **named: str) -> Path:
    """Writes a run that pruned `base` at random.

    Args:
        folder: its output_dir.
        base: the unpruned model.
        accuracies: with the prompt, by sparsity.
        named: `model` and `dataset` of the results.
    """
    results = Results(
        dense=DenseResult(0.9, 0.99, "test"),
        runs=[_run(sparsity, accuracy) for sparsity, accuracy in accuracies.items()],
        command=f"python scripts/prune.py --output_dir {folder} --sparsities {' '.join(map(str, accuracies))}",
        **named,
    )
    options = {"model_name_or_path": results.model, "dataset_name": results.dataset}
    options |= vars(VPNsTrainingArguments(output_dir=str(folder), sparsities=list(accuracies)))
    runs = []
    for run in results.runs:
        model = prune_at_random(base, run.sparsity_requested, seed=round(1000 * run.sparsity_requested))
        layers = layer_records(model)
        counted = {"nonzero": sum(layer.nonzero for layer in layers), "total": sum(layer.total for layer in layers)}
        runs.append(replace(run, sparsity=model.sparsity, layers=layers, **counted))
        save_model(model, folder / run.path)
        write_model_plots(runs[-1], folder / run.path, model.prompt_picture().numpy())
        write_recipe(folder / run.path / "recipe.yaml", public_recipe(options, run.sparsity_requested))
        write_model_card(folder / run.path, results, runs[-1])
    write_report(replace(results, runs=runs), folder)
    write_recipe(folder / "recipe.yaml", options)
    return folder


def _run(sparsity: float, accuracy: float) -> RunResult:
    return run_result(
        sparsity,
        accuracy - 0.01,
        accuracy,
        top5=ViewAccuracy(0.99, 0.98),
        seconds={"finetune": 1.0},
        prompt_at_inference=True,
        cost=CostRecord(macs=1000, macs_nonzero=250),
    )
