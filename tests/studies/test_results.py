from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers import refusal, tiny_resnet
from tests.studies.studying import cells
from tests.training_helpers import coloured_split
from vpns_hf import VPNsTrainer
from vpns_hf.studies import Cell, StudyFolder, collect

pytestmark = pytest.mark.slow  # whole jobs

SPLITS = {
    "train_dataset": coloured_split(40, seed=1),
    "eval_dataset": coloured_split(13, seed=2),
    "test_dataset": coloured_split(17, seed=3),
}
OPTIONS = {
    **{"method": "omp", "image_size": 16, "prompt_size": 2, "train_batch_size": 16},
    **{"find_mask_epochs": 1, "finetune_epochs": 1},
}


def make(cell: Cell, folder: StudyFolder) -> None:
    """Runs the job of a cell in this process."""
    place = {"output_dir": str(folder.job(cell)), "cache_dir": str(folder.path / "cache"), "disable_tqdm": True}
    VPNsTrainer(tiny_resnet(), replace(cell.args, **place), **SPLITS, dataset_name="digits").train()


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> tuple[list[Cell], StudyFolder]:
    """A study of three cells of which two are done."""
    folder = StudyFolder(tmp_path_factory.mktemp("study"))
    made = cells(OPTIONS, sparsities=[[0.5], [0.7], [0.9]])
    for cell in made[:2]:
        make(cell, folder)
    claim = folder.claims(made[2]).take(0)
    claim.end("failed", "no reason at all")
    return made, folder


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_results_are_those_of_the_cells_with_their_axes(study):
    made, folder = study
    assert len(collect(made, folder)) == 2
    results = read(folder.path / "results.json")
    told = read(folder.path / "study.json")
    assert (told["planned"], told["done"]) == (3, [cell.name for cell in made[:2]])
    [failed] = told["failed"]
    assert (failed["axes"], failed["reason"]) == ({"sparsity": "0.9"}, "no reason at all")
    for cell, run in zip(made[:2], results["runs"], strict=True):
        job = read(folder.job(cell) / "results.json")
        assert run.pop("axes")["sparsity"] == f"{cell.sparsity:g}"
        assert run.pop("dense") == job["dense"]
        assert run.pop("job").endswith(cell.name)
        assert run == job["runs"][0]


@pytest.mark.slow
def test_only_the_cells_that_are_asked_for_stand_there(study):
    made, folder = study
    assert len(collect(made[:1], folder)) == 1
    assert len(read(folder.path / "results.json")["runs"]) == 1


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("test images", "18 (0123456789ab)", r"were tested on different images \(17 \(.*\) and 18 \(0123456789ab\)\)"),
        ("learning_rate", 0.5, r"was made with learning_rate 0.5, now 0.01: a default has changed; remove "),
    ],
)
def test_what_does_not_belong_side_by_side_is_refused(study, tmp_path, name, value, said):
    made, before = study
    shutil.copytree(before.path / "cells", tmp_path / "cells")
    folder = StudyFolder(tmp_path)
    job = folder.job(made[1]) / "job.json"
    content = read(job)
    content["identity"][name] = value
    job.write_text(json.dumps(content))
    assert re.search(said, refusal(collect, made, folder))
    assert not (tmp_path / "results.json").exists()
