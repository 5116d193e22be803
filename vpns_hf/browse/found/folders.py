"""Finding the models below a folder: of one job, of a study, or of many jobs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import InputError
from ...reporting import DenseResult, Results, RunResult
from ...reporting.comparison import is_comparison
from ...utils.files import leads_out
from ...utils.text import one_line
from .models import Found, FoundModel, weights_size

RESULTS = "results.json"


def models_below(folder: Path) -> Found:
    """Returns the models of every results.json below a folder, itself included; weights are not opened.

    A results.json that cannot be read is left out with its reason; that of a comparison, and hidden folders, without a word.

    Raises:
        InputError: if there is no such folder, or no model in it.
    """
    if not folder.is_dir() or not _is_text(folder):
        raise InputError(f"there is no folder {folder}; give one that `vpns prune` has written, such as output")
    models: dict[str, FoundModel] = {}
    told, left_out = set[Path](), list[str]()
    for place in _result_folders(folder):
        if place in told:  # by the results of its job
            continue
        if not _is_text(place):
            left_out.append(f"{str(place)!a} has a name that is no UTF-8; give it another")
            continue
        try:
            found = models_of_job(place, Results.load(place / RESULTS), folder)
        except InputError as error:
            left_out += [] if is_comparison(place) else [one_line(error)]  # whose jobs lie elsewhere
        else:
            models |= {model.key: model for model in found}
            told |= {model.folder for model in found}
    if not models:
        why = f" ({left_out[0]})" if left_out else ""
        raise InputError(
            f"{folder} holds no results of a finished job{why}; give the output_dir of `vpns prune`, or a folder above it"
        )
    return Found([models[key] for key in sorted(models)], left_out, str(folder))


def models_of_job(place: Path, results: Results, root: Path) -> list[FoundModel]:
    """Returns the models of a results.json.

    Args:
        place: the folder it lies in.
        results: what it holds.
        root: the folder that keys are relative to.

    Raises:
        InputError: if a path leads out of the folder, or an accuracy or sparsity is none.
    """
    runs = [
        run for run in results.runs if run.path
    ]  # those without are the same with other seeds, which lie elsewhere
    _check(place, runs, results.references)
    return [_model(run, results, place, root) for run in runs]


def _check(place: Path, runs: Sequence[RunResult], references: Sequence[DenseResult]) -> None:
    for path in (*(run.path for run in runs), *(dense.path or "" for dense in references)):
        if leads_out(path):
            raise InputError(
                f"{place / RESULTS} names a model outside its folder: {path}; give a results.json of a job"
            )
    accuracies = [value for run in runs for value in (*vars(run.accuracy).values(), run.sparsity)]
    for share in (*accuracies, *(dense.accuracy for dense in references)):
        if share is not None and not 0 <= share <= 1:
            raise InputError(f"{place / RESULTS} holds a share of {share:g}; an accuracy or a sparsity is 0 to 1")


def _model(run: RunResult, results: Results, place: Path, root: Path) -> FoundModel:
    folder = place / run.path
    key = Path(os.path.relpath(folder, root)).as_posix()
    name = folder.resolve().name if key == "." else key
    return FoundModel(name, results, run, folder, place, weights_size(folder))


def _is_text(path: Path) -> bool:
    try:
        return bool(str(path).encode())
    except UnicodeEncodeError:
        return False


def _result_folders(root: Path) -> Iterator[Path]:
    """Gives every folder with a results.json, those above before those in them, each once where links lead in circles."""
    seen = set()
    for place, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if RESULTS in files:
            yield Path(place)
