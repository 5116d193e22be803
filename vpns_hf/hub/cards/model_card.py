"""The card of a pruned model: made from the results beside it, and made anew when there are more of them."""

from __future__ import annotations

import logging
import os
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from ...errors import InputError
from ...reporting import (
    NOT_MEASURED,
    ModelEvaluation,
    Results,
    RunResult,
    ViewAccuracy,
    count,
    granularity_name,
    image_notes,
    in_cell,
    latency_title,
    megabytes,
    milliseconds,
    most_lost,
    operations,
    passes,
    percent,
    short_percent,
    sparsity_name,
    with_prompt,
)
from ..run_folder import weights_size
from .licenses import check_license
from .merging import BEGIN, END, has_markers, merge, newest_in_place
from .sources import dataset_id, model_id, shown_dataset, shown_model

logger = logging.getLogger(__name__)

CARD, RESULTS = "README.md", "results.json"
TEMPLATE = Path(__file__).with_name("template.md")
NO_LICENSE = "unknown"
PICTURES = {
    "plots/prompt.png": "What the prompt adds to a picture",
    "plots/density_by_layer.png": "Density by layer",
}
WRITTEN_BY = (
    count,
    in_cell,
    latency_title,
    megabytes,
    most_lost,
    milliseconds,
    operations,
    percent,
    short_percent,
    with_prompt,
)  # in the template


def write_model_card(folder: str | os.PathLike[str], results: Results, run: RunResult) -> Path:
    """Writes the card of a model as README.md, and as results.json the results it is made from.

    Args:
        folder: of the model; the size on disk is measured there.
        results: of the job.
        run: of the model.

    Returns:
        The path of the card.
    """
    folder = Path(folder)
    of_model = results.of_model(run)
    of_model.save(folder / RESULTS)
    card = new_card(folder, of_model, run.path, NO_LICENSE)
    (folder / CARD).write_text(str(card), encoding="utf-8")
    return folder / CARD


def new_card(folder: Path, results: Results, name: str, license: str | None = None) -> ModelCard:
    """Returns the card of a model. Numbers come from its results only; one that is None there is "not measured".

    Args:
        folder: of the model, which tells the size of its weights, and its pictures.
        results: of the model, see `Results.of_model`; without a run the card tells evaluations and latency alone.
        name: the Hub id the card's code loads, or the name of a folder.
        license: a licence identifier of the Hub. The weights derive from the base model, so that its licence decides.
    """
    run = _newest(results)
    card = ModelCard.from_template(
        card_metadata(results, name, license),
        template_path=str(TEMPLATE),
        **{"begin": BEGIN, "end": END, "model_name": _last(name), "repo_id": name},
        **{function.__name__: function for function in WRITTEN_BY},
        **({} if run is None else _fields(folder, results, run)),
        run=run,
        listed=_listed,
        evaluations=results.evaluations,
        latency=results.latency,
    )
    card.text += "\n"  # which the template's own end loses
    return card


def renewed_card(folder: Path, results: Results, name: str, license: str | None = None, append: bool = False) -> str:
    """Returns the card in a folder with all that was generated of it made anew; a new one if there is none.

    Args:
        folder: as for `new_card`; it is only read.
        results: as for `new_card`.
        name: as for `new_card`.
        license: as for `new_card`; None leaves the one of the card.
        append: whether a card without markers, by hand or of an earlier version, gets the generated part at its end; if
            not, its text stays as it is.

    Raises:
        InputError: if the card cannot be read, or the Hub knows no such licence.
    """
    if license is not None:
        check_license(license)
    made, path = new_card(folder, results, name, license), folder / CARD
    if not path.exists():
        made.data.license = license or NO_LICENSE
        return str(made)
    text = _text_of(path)
    kept = None
    if not (results.runs or results.evaluations or results.latency):
        kept = f"no {RESULTS} tells of its model"
    elif not append and not has_markers(text):
        kept = f"it has no {BEGIN} and {END} around what is made anew"
    if kept is not None:
        logger.warning("the text of the card %s stays as it is: %s", path, kept)
    try:
        return merge(text, made, with_text=kept is None)
    except InputError as error:
        raise InputError(f"the card {path} cannot be made anew: {error}") from error


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise InputError(f"the card {path} cannot be read ({reason})") from error


def card_metadata(results: Results, name: str, license: str | None = None) -> ModelCardData:
    """Returns the YAML header of a card, the measured accuracies as its model index."""
    always = {"model_name": _last(name), "license": license, "eval_results": _model_index(results) or None}
    if not results.runs:
        return ModelCardData(**always)
    base_model = model_id(results.model)
    return ModelCardData(
        **always,
        library_name="transformers",
        pipeline_tag="image-classification",
        base_model=base_model,
        base_model_relation="finetune" if base_model else None,
        datasets=dataset_id(results.dataset),
        metrics=["accuracy"],
        tags=_tags(results.runs[0]),
    )


def _newest(results: Results) -> RunResult | None:
    """Returns the run with the figures that were measured last, accuracies where its own were measured; None without one."""
    if not results.runs:
        return None
    run = results.runs[0]
    for evaluation in results.evaluations:
        counted = {name: getattr(evaluation, name) for name in ("sparsity", "nonzero", "total", "cost")}
        run = replace(run, **counted)
        if _is_of_the_job(evaluation, results):
            run = replace(run, accuracy=evaluation.accuracy, top5=evaluation.top5)
    return run


def _is_of_the_job(evaluation: ModelEvaluation, results: Results) -> bool:
    """Returns whether accuracies are of the images that the job measured on, as far as their names and number tell."""
    same = evaluation.is_of(_dataset(results), results.runs[0].split)
    return same and results.test_images in (None, evaluation.images)


def _dataset(results: Results) -> str:
    return shown_dataset(results.dataset) if results.dataset else "unknown"


def _tags(run: RunResult) -> list[str]:
    own = [granularity_name(run.granularity), sparsity_name(run.sparsity_requested)]
    return ["vpns", "pruning", "sparse", *own, "visual-prompting", "arxiv:2312.01397"]


def _model_index(results: Results) -> list[EvalResult]:
    """Returns what a model index says of all accuracies; the newest of those on one split of a data set."""
    run, measured = _newest(results), []
    if run is not None:
        measured += _accuracies(_dataset(results), run.split, run.accuracy, run.top5, bool(run.prompt_at_inference))
    for one in results.evaluations:
        if run is not None and one.is_of(_dataset(results), run.split):
            continue  # the headline has it, or it is of other images, which the section of its own tells
        measured += _accuracies(one.dataset, one.split, one.accuracy, one.top5, one.prompt_at_inference)
    return newest_in_place(measured)


def _accuracies(
    dataset: str, split: str, accuracy: ViewAccuracy, top5: ViewAccuracy, prompted_first: bool
) -> list[EvalResult]:
    """Returns the accuracies that were measured; where there is room for one number, the first is shown."""
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


def _fields(folder: Path, results: Results, run: RunResult) -> dict[str, Any]:
    """Returns what the template shows beside the figures of a run."""
    dense = results.reference_of(run)
    return {
        "base_model": f"`{shown_model(results.model)}`" if results.model else "a model that was not recorded",
        "dataset": f"`{_dataset(results)}`" if results.dataset else "a data set that was not recorded",
        "dense": dense,
        "test_images": results.test_images,
        "lost": most_lost(run, results),
        "cost": passes([run.passes and run.passes.total]),
        "cost_by_part": _cost_by_part(run),
        "dense_cost": passes([dense.passes]),
        "command": results.command,
        "versions": results.versions,
        "protocol": results.protocol if run.validation is None else None,  # else the selection says it with numbers
        "selection": _selection(run),
        "default_view": "with the prompt" if run.prompt_at_inference else "without the prompt",
        "size": weights_size(folder),
        "image_notes": image_notes(results),
        "over_seeds": _over_seeds(results.runs),
        "pictures": {path: caption for path, caption in PICTURES.items() if (folder / path).is_file()},
        "has_recipe": (folder / "recipe.yaml").is_file(),
    }


def _cost_by_part(run: RunResult) -> str:
    parts = str(run.passes)
    return parts if "(" in parts else passes([run.passes and run.passes.total])


def _over_seeds(runs: Sequence[RunResult]) -> str:
    """Returns mean and sample standard deviation of the top-1 accuracy in the view the first run uses by default, in words."""
    view = "prompted" if runs[0].prompt_at_inference else "plain"
    values = [getattr(run.accuracy, view) for run in runs]
    if len(values) < 2 or None in values:
        return NOT_MEASURED
    return f"{percent(statistics.mean(values))} ± {percent(statistics.stdev(values))}, {len(values)} seeds"


def _selection(run: RunResult) -> str:
    if run.validation is None:
        chosen = "No validation split chose the epoch or the default view."
    else:
        measured = f"{percent(run.validation.prompted)} with the prompt, {percent(run.validation.plain)} without"
        epoch = "The epoch" if run.epoch is None else f"Epoch {run.epoch} of the last stage"
        chosen = f"{epoch} and the default view were chosen on the validation split ({measured})."
    return f"{chosen} The accuracies in the table were measured on the {run.split} split."


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{package} {version}" for package, version in versions.items())


def _last(name: str) -> str:
    return name.rpartition("/")[2]
