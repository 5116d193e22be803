"""What is recorded of one pruned model, and of the job it belongs to."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from safetensors.torch import save_file

from ..methods import scope_of
from ..metrics import count_macs, device_name, measure_latency
from ..models import VPNsForImageClassification
from ..pruning import effective_density, layer_records
from ..reporting import CostRecord, Passes, RunResult, share_of_waiting, sparsity_name
from ..training import Evaluation, Run, Stage
from .arguments import VPNsTrainingArguments

BATCH_SIZE = 1


def measure_cost(model: VPNsForImageClassification) -> CostRecord:
    """Counts operations and bytes, and times one picture, in evaluation mode; the model is left as it was."""
    was_training = model.training
    model.eval()
    stock = model.to_backbone()
    side = model.config.image_size
    pixels = torch.rand(BATCH_SIZE, 3, side, side, device=model.device, dtype=model.dtype)
    normalised = model.normalise(pixels)
    macs = count_macs(model, pixels[:1])
    calls = {"pruned": lambda: model(pixels).logits, "dense": lambda: stock(normalised).logits}
    milliseconds = measure_latency(calls, model.device)
    model.train(was_training)
    return CostRecord(
        macs=macs.dense,
        macs_nonzero=macs.nonzero,
        dense_bytes=_bytes_on_disk(stock),
        milliseconds=milliseconds["pruned"],
        dense_milliseconds=milliseconds["dense"],
        batch_size=BATCH_SIZE,
        device=device_name(model.device),
        dtype=str(model.dtype).removeprefix("torch."),
    )


def measure_cost_once(model: VPNsForImageClassification, accelerator: Accelerator) -> CostRecord:
    """Measures on the main process, while the others wait; every process gets its record."""
    records = [measure_cost(model) if accelerator.is_main_process else None]
    return broadcast_object_list(records)[0]


def _bytes_on_disk(stock: torch.nn.Module) -> int:
    tensors = {name: tensor.cpu().contiguous().clone() for name, tensor in stock.state_dict().items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        save_file(tensors, path, metadata={"format": "pt"})
        return path.stat().st_size


PACKAGES = ("vpns_hf", "torch", "transformers", "accelerate", "datasets", "huggingface_hub", "safetensors")


def package_versions() -> dict[str, str]:
    """Returns {package: version} of what has a part in a result, Python included; packages not installed are left out."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


PROTOCOLS = {
    False: "A validation split chose the epoch and whether the prompt is applied; the test split was read once, at the end.",
    True: "The paper's: all of train, the last epoch, no validation split; the accuracy without the prompt is comparable.",
}


@dataclass(frozen=True)
class RunSettings:
    """What a run was asked for.

    Attributes:
        args: of the job.
        sparsity: of the run.
        stages: that made it.
        split: what the evaluated split is called.
    """

    args: VPNsTrainingArguments
    sparsity: float
    stages: Sequence[Stage]
    split: str


def passes_of(stages: Sequence[Stage]) -> Passes:
    """Returns how often the stages go through the training images."""
    totals = {"search": 0.0, "rounds": 0.0, "tuning": 0.0}
    for stage in stages:
        totals[stage.counts_as] += stage.passes
    return Passes(**totals)


def run_result(run: Run, evaluation: Evaluation, settings: RunSettings) -> RunResult:
    """Returns the record of a finished run.

    Args:
        run: of one sparsity.
        evaluation: of its model.
        settings: what was asked for.
    """
    model, args = run.model, settings.args
    layers = layer_records(model)
    return RunResult(
        method=args.method,
        granularity=args.granularity,
        seed=args.seed,
        sparsity_requested=settings.sparsity,
        sparsity=model.sparsity,
        accuracy=evaluation.accuracy,
        top5=evaluation.top5,
        split=settings.split,
        nonzero=sum(layer.nonzero for layer in layers),
        total=sum(layer.total for layer in layers),
        seconds=run.seconds,
        path=sparsity_name(settings.sparsity),
        validation=run.selected.validation,
        prompt_at_inference=model.config.prompt_at_inference,
        effective_density=effective_density(model),
        epoch=run.selected.epoch,
        history=run.history,
        layers=layers,
        cost=measure_cost_once(model, run.accelerator),
        waiting=share_of_waiting(run.history),
        scope=scope_of(settings.stages),
        passes=passes_of(settings.stages),
    )


def choose_view(run: Run) -> None:
    """Lets the validation split decide whether the saved model applies its prompt; the paper does not apply it."""
    validation = run.selected.validation
    prompted = validation.prompted if validation is not None else None
    run.model.config.prompt_at_inference = prompted is not None and prompted > validation.plain
    run.model.requires_grad_(True)
    run.model.eval()
