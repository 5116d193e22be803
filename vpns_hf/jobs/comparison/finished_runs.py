"""The runs of a finished job, as its folder keeps them."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...hub.run_folder import recipe_of, weights_size
from ...methods import unused_options
from ...models import VPNsForImageClassification
from ...pruning import Granularity
from ...reporting import PREDICTIONS, Results, RunResult
from ...reporting.comparison import Bits, ComparedRun
from ...utils.options import defaults_of
from ...utils.public_names import public_name
from ..arguments import VPNsTrainingArguments
from ..recipe import public_options
from ..resume import FinishedJob

DIGESTS = re.compile(r"model|network|normalisation|classes|.* images|groups of rows")  # of what a job is identified by


def compared_runs(folder: Path, axes: Mapping[str, str] | None = None) -> list[ComparedRun]:
    """Returns the runs of a finished job, one for each sparsity.

    Args:
        folder: the output_dir of the job.
        axes: {name: value} of what varies between the jobs that are compared; method, sparsity and seed are added.

    Raises:
        InputError: if the folder holds no finished job, or what it holds cannot be read.
    """
    results = Results.load(folder / "results.json")
    if not results.runs:
        raise InputError(f"{folder} holds no pruned model to compare; give the output_dir of a finished job")
    identity = _identity(folder)
    data = {name: value for name, value in identity.items() if DIGESTS.fullmatch(name)}
    if not identity and results.test_digest is not None:
        data = {"test images": results.test_digest}
    options = _options(folder, results, {name: value for name, value in identity.items() if name not in data})
    return [
        ComparedRun(
            folder=folder,
            axes={**_own_axes(run), **(axes or {})},
            entry=asdict(run),
            dense=asdict(results.reference_of(run)),
            correct=_correct(folder, run),
            options=options,
            images=results.test_images,
            data=data,
            size=weights_size(folder / run.path),
            masks=_masks_reader(folder / run.path, run),
        )
        for run in results.runs
    ]


def _own_axes(run: RunResult) -> dict[str, str]:
    return {"method": run.method, "sparsity": f"{run.sparsity_requested:g}", "seed": str(run.seed)}


def _identity(folder: Path) -> dict[str, Any]:
    """Returns what a job was identified by; {} of one that ended before that was kept."""
    job = FinishedJob.read(folder)
    return {} if job is None else job.identity


def _options(folder: Path, results: Results, identified: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options that decide on the results, those that the method does not use left out where that is known."""
    options = identified or _used(results.options or public_options(recipe_of(folder)))
    names = {"model_name_or_path": results.model, "dataset_name": results.dataset}
    return {**options, **{name: value and public_name(value) for name, value in names.items()}}


def _used(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns options without those that their method does not use; all of them where they are not to be understood."""
    own = {name: value for name, value in options.items() if name in defaults_of(VPNsTrainingArguments)}
    try:
        args = VPNsTrainingArguments(**own)
    except InputError:
        return dict(options)
    unused = unused_options(args.method, args)
    return {name: value for name, value in options.items() if name not in unused}


def _correct(folder: Path, run: RunResult) -> Bits | None:
    """Returns which test images are classified rightly, in the view that the model takes by default."""
    path = folder / PREDICTIONS
    try:
        with np.load(path) as file:
            return file.get(f"{run.path}/{run.view}")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} cannot be read ({error}); remove it to compare without it") from error


def _masks_reader(folder: Path, run: RunResult) -> Callable[[], dict[str, Bits]] | None:
    """Returns what reads the masks of a saved model; None where there is none, or its layers have become thinner."""
    if not (folder / "config.json").is_file() or Granularity.named(run.granularity).is_of_channels:
        return None

    def read() -> dict[str, Bits]:
        masks = VPNsForImageClassification.from_pretrained(folder).masks()
        return {name: mask.numpy() for name, mask in masks.items()}

    return read
