"""What is recorded of one pruned model, and of the job it belongs to."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata

from torch import Tensor

from ..methods import passes_of, pruner_in, scope_of
from ..methods.stages import MEASURED
from ..models import VPNsForImageClassification
from ..pruning import Channels, Granularity, Pruner, channel_groups, channel_record, effective_density, layer_records
from ..reporting import AccuracyAfter, ChannelRecord, RunResult, ViewAccuracy, share_of_waiting, sparsity_name
from ..training import Evaluation, Run, Stage
from .arguments import VPNsTrainingArguments

PACKAGES = ("vpns_hf", "torch", "transformers", "accelerate", "datasets", "huggingface_hub", "safetensors")


def package_versions(*others: str) -> dict[str, str]:
    """Returns {package: version} of what has a part in a result, Python included; packages not installed are left out."""
    versions = {"python": platform.python_version()}
    for package in (*PACKAGES, *others):
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
        labels: of its images, (N,).
        class_names: of the data.
    """

    args: VPNsTrainingArguments
    sparsity: float
    stages: Sequence[Stage]
    split: str
    labels: Tensor
    class_names: Sequence[str]


def run_result(run: Run, evaluation: Evaluation, settings: RunSettings) -> RunResult:
    """Returns the record of a finished run, without the cost of its model, which is measured once it is saved.

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
        waiting=share_of_waiting(run.history),
        scope=scope_of(settings.stages),
        passes=passes_of(settings.stages),
        validation_after=_accuracy_after(run),
        classes=evaluation.predictions.by_class(settings.labels, settings.class_names),
        channels=_channels(model, pruner_in(settings.stages)),
    )


def _channels(model: VPNsForImageClassification, pruner: Pruner | None) -> ChannelRecord | None:
    return channel_record(model) if pruner is not None and isinstance(pruner.units, Channels) else None


def _accuracy_after(run: Run) -> AccuracyAfter | None:
    if run.selected.validation is None:
        return None
    measured = {moment: ViewAccuracy(**accuracy) for moment, accuracy in run.kept.get(MEASURED, {}).items()}
    return AccuracyAfter(**measured, tuned=run.selected.validation)


def without_masked_channels(model: VPNsForImageClassification) -> VPNsForImageClassification:
    """Returns what is saved of a model: where whole channels were masked, one of thinner layers without them."""
    if not Granularity.named(model.config.granularity).is_of_channels or not model.sparsity:
        return model
    return model.shrink(channel_groups(model))


def choose_view(run: Run) -> None:
    """Lets the validation split decide whether the saved model applies its prompt; the paper does not apply it."""
    validation = run.selected.validation
    prompted = validation.prompted if validation is not None else None
    run.model.config.prompt_at_inference = prompted is not None and prompted > validation.plain
    run.model.requires_grad_(True)
    run.model.eval()
