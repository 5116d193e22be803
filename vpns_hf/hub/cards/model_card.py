"""The model card of a pruned checkpoint, filled from its measured results."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from ...reporting.evaluation import latency_title
from ...reporting.numbers import (
    NOT_MEASURED,
    count,
    megabytes,
    milliseconds,
    operations,
    percent,
    short_percent,
    sparsity_name,
)
from ...reporting.records import CostRecord, DenseResult, ViewAccuracy
from ...reporting.results import Results, RunResult
from ...utils.public_names import public_command
from .sources import dataset_id, model_id, shown_dataset, shown_model


@dataclass(frozen=True)
class VPNsModelCardData:
    """What a card says. Numbers come from `run` and `dense` only; what is None there is "not measured" in the card.

    Attributes:
        run: the results of this checkpoint.
        dense: the results of the unpruned model.
        repo_id: the Hub id the card's code loads; without one, the folder of the run.
        base_model: Hub id, short name or path of the pre-trained model; of a path only the last part is shown.
        dataset: Hub id, short name or path of the data set; likewise.
        license: a licence identifier of the Hub. The weights derive from the base model, so that its licence decides.
        seeds: the results of the same job with other seeds.
        protocol: a sentence on how the model was chosen and measured, beside what `run` tells.
        command: the command line that made the checkpoint; leading folders of paths are left out.
        versions: version of each package that has a part in the results.
    """

    run: RunResult
    dense: DenseResult = field(default_factory=DenseResult)
    repo_id: str | None = None
    base_model: str | None = None
    dataset: str | None = None
    license: str = "unknown"
    seeds: Sequence[RunResult] = ()
    protocol: str | None = None
    command: str | None = None
    versions: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_results(
        cls, results: Results, run: RunResult, *, repo_id: str | None = None, license: str = "unknown"
    ) -> VPNsModelCardData:
        """The card data of one run of a job; its runs at the same sparsity with other seeds give the spread."""
        return cls(
            run=run,
            seeds=[other for other in results.runs if same_but_seed(run, other)],
            dense=results.dense,
            repo_id=repo_id,
            base_model=results.model,
            dataset=results.dataset,
            license=license,
            protocol=results.protocol if run.validation is None else None,  # else the selection says it with numbers
            command=results.command,
            versions=results.versions,
        )


def write_model_card(folder: str | os.PathLike[str], data: VPNsModelCardData) -> Path:
    """Write the card of the checkpoint in `folder` as its README.md; the size on disk is measured there.

    Returns:
        The path of the card.
    """
    folder = Path(folder)
    template = Path(__file__).with_name("template.md")
    fields = _template_fields(folder, data)
    card = ModelCard.from_template(card_metadata(data), template_path=str(template), **fields)
    path = folder / "README.md"
    card.save(path)
    return path


def card_metadata(data: VPNsModelCardData) -> ModelCardData:
    """The YAML header of the card, the measured accuracies as its model index."""
    base_model = model_id(data.base_model)
    return ModelCardData(
        model_name=_model_name(data),
        license=data.license,
        library_name="transformers",
        pipeline_tag="image-classification",
        base_model=base_model,
        base_model_relation="finetune" if base_model else None,
        datasets=dataset_id(data.dataset),
        metrics=["accuracy"],
        tags=_tags(data.run),
        eval_results=_eval_results(data) or None,
    )


def _tags(run: RunResult) -> list[str]:
    own = [run.granularity, sparsity_name(run.sparsity_requested)]
    return ["vpns", "pruning", "sparse", *own, "visual-prompting", "arxiv:2312.01397"]


def _eval_results(data: VPNsModelCardData) -> list[EvalResult]:
    dataset = shown_dataset(data.dataset) if data.dataset else "unknown"
    run = data.run
    return accuracy_results(dataset, run.split, run.accuracy, run.top5, bool(run.prompt_at_inference))


def accuracy_results(
    dataset: str, split: str, accuracy: ViewAccuracy, top5: ViewAccuracy, prompted_first: bool
) -> list[EvalResult]:
    """Returns what a model index says of accuracies, those that were measured.

    Args:
        dataset: as it may stand in public.
        split: of the data set.
        accuracy: top-1.
        top5: top-5.
        prompted_first: whether the model applies its prompt by default. Where there is room for one number, the first is
            shown.
    """
    views = {"prompted": "with the prompt", "plain": "without the prompt"}
    order = list(views) if prompted_first else list(reversed(views))
    kinds = {"accuracy": ("Accuracy", accuracy), "top5_accuracy": ("Top-5 accuracy", top5)}
    return [
        EvalResult(
            task_type="image-classification",
            dataset_type=dataset,
            dataset_name=dataset,
            dataset_split=split,
            metric_type=kind,
            metric_name=f"{title} {views[view]}",
            metric_value=getattr(values, view),
        )
        for kind, (title, values) in kinds.items()
        for view in order
        if getattr(values, view) is not None
    ]


def _template_fields(folder: Path, data: VPNsModelCardData) -> dict[str, str | int | bool | None]:
    return {
        "model_name": _model_name(data),
        "repo_id": data.repo_id or data.run.path,
        "base_model": f"`{shown_model(data.base_model)}`" if data.base_model else "a model that was not recorded",
        "dataset": f"`{shown_dataset(data.dataset)}`" if data.dataset else "a data set that was not recorded",
        "command": public_command(data.command) if data.command else None,
        "versions": ", ".join(f"{package} {version}" for package, version in data.versions.items()),
        "protocol": data.protocol,
        "selection": _selection(data.run),
        "has_prompt": data.run.accuracy.prompted is not None,
        **_run_fields(data.run),
        "dense": percent(data.dense.accuracy),
        "dense_top5": percent(data.dense.top5),
        "size": megabytes(_weights_bytes(folder)),
        "over_seeds": over_seeds([data.run, *data.seeds]),
        "pictures": _pictures(folder),
        "has_recipe": (folder / "recipe.yaml").is_file(),
        **_cost_fields(data.run.cost),
    }


def _run_fields(run: RunResult) -> dict[str, str | int]:
    return {
        "method": run.method,
        "granularity": run.granularity,
        "seed": run.seed,
        "split": run.split,
        "default_view": _default_view(run),
        "sparsity_requested": short_percent(run.sparsity_requested),
        "sparsity": percent(run.sparsity),
        "prompted": percent(run.accuracy.prompted),
        "plain": percent(run.accuracy.plain),
        "top5_prompted": percent(run.top5.prompted),
        "top5_plain": percent(run.top5.plain),
        "nonzero": count(run.nonzero),
        "total": count(run.total),
        "effective_density": percent(run.effective_density),
    }


def _cost_fields(cost: CostRecord) -> dict[str, str]:
    return {
        "dense_size": megabytes(cost.dense_bytes),
        "macs": operations(cost.macs),
        "macs_nonzero": operations(cost.macs_nonzero),
        "latency": milliseconds(cost.milliseconds),
        "dense_latency": milliseconds(cost.dense_milliseconds),
        "latency_title": latency_title(cost),
    }


def same_but_seed(run: RunResult, other: RunResult) -> bool:
    """Whether two runs differ in their seed, and not in what they prune, how, how much, or where it was measured."""

    def kind(result: RunResult) -> tuple:
        return result.method, result.granularity, result.sparsity_requested, result.split

    return kind(run) == kind(other) and run.seed != other.seed


def over_seeds(runs: Sequence[RunResult]) -> str:
    """Mean and sample standard deviation of the top-1 accuracy in the view the first run uses by default, in words."""
    view = "prompted" if runs[0].prompt_at_inference else "plain"
    values = [getattr(run.accuracy, view) for run in runs]
    if len(values) < 2 or None in values:
        return NOT_MEASURED
    return f"{percent(statistics.mean(values))} ± {percent(statistics.stdev(values))}, {len(values)} seeds"


PICTURES = {"prompt": "What the prompt adds to a picture", "density_by_layer": "Density by layer"}


def _pictures(folder: Path) -> dict[str, str]:
    """Returns {path in the repository: caption} of the pictures that are there."""
    paths = {f"plots/{name}.png": caption for name, caption in PICTURES.items()}
    return {path: caption for path, caption in paths.items() if (folder / path).is_file()}


def _default_view(run: RunResult) -> str:
    return "with the prompt" if run.prompt_at_inference else "without the prompt"


def _selection(run: RunResult) -> str:
    if run.validation is None:
        chosen = "No validation split chose the epoch or the default view."
    else:
        measured = f"{percent(run.validation.prompted)} with the prompt, {percent(run.validation.plain)} without"
        epoch = "The epoch" if run.epoch is None else f"Epoch {run.epoch} of the last stage"
        chosen = f"{epoch} and the default view were chosen on the validation split ({measured})."
    return f"{chosen} The accuracies in the table were measured on the {run.split} split."


def _model_name(data: VPNsModelCardData) -> str:
    return (data.repo_id or data.run.path).split("/")[-1]


def _weights_bytes(folder: Path) -> int | None:
    files = list(folder.glob("*.safetensors"))
    return sum(file.stat().st_size for file in files) if files else None
