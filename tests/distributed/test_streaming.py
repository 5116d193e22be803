"""The main script on a stream in two real processes, beside the same in one."""

from __future__ import annotations

import json
import shutil
import signal
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest

from tests.data.broken import with_broken
from tests.distributed.launching import SCRIPTS, ended, run_ranks, start, start_ranks
from tests.faults.interrupted import weights
from tests.training_helpers import coloured_split
from vpns_hf.jobs.resume import Checkpoints

TRAIN, VALIDATION, TEST = 60, 12, 17
JOB = {
    "model_name_or_path": "resnet-small",
    "streaming": True,
    "shuffle_buffer_size": 16,
    "image_size": 16,
    "prompt_size": 2,
    "train_batch_size": 8,
    "per_device_eval_batch_size": 5,
    "find_mask_epochs": 1,
    "finetune_epochs": 1,
    "sparsities": 0.5,
    "checkpointing_steps": 2,
    "dense_reference": False,
    "disable_tqdm": True,
    "timeout": 60,
}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def parquet(tmp_path_factory) -> Path:
    """Two files to train on in groups of ten rows; no two pictures are the same."""
    folder = tmp_path_factory.mktemp("parquet")
    train = coloured_split(TRAIN, seed=1)
    for index, rows in enumerate((range(40), range(40, TRAIN))):
        train.select(rows).to_parquet(folder / f"train-{index}.parquet", batch_size=10)
    coloured_split(VALIDATION, seed=2).to_parquet(folder / "validation-0.parquet")
    coloured_split(TEST, seed=3).to_parquet(folder / "test-0.parquet")
    return folder


def command(parquet: Path, folder: Path, update: int = 0) -> list[object]:
    options = {**JOB, "dataset_name": parquet, "output_dir": folder / "out"}
    given = chain(*((f"--{name}", value) for name, value in options.items()))
    return [SCRIPTS / "streaming.py", folder, update, *given]


def notes(folder: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("rank-*.json"))]


@pytest.fixture(scope="module")
def two(parquet, tmp_path_factory) -> Path:
    """What the job in two processes leaves."""
    folder = tmp_path_factory.mktemp("two")
    run_ranks(*command(parquet, folder))
    return folder


@pytest.fixture(scope="module")
def one(parquet, tmp_path_factory) -> Path:
    """What the job in one process leaves."""
    folder = tmp_path_factory.mktemp("one")
    code, _, err = ended(start(command(parquet, folder)))
    assert code == 0, err
    return folder


@pytest.mark.parametrize("view", ["prompted", "plain"])
def test_the_global_batches_are_those_of_one_process(one, two, view):
    [alone], shares = notes(one), notes(two)
    assert len(shares) == 2
    joined = zip(*(share["seen"][view] for share in shares), strict=True)
    assert [sorted(chain(*parts)) for parts in joined] == [sorted(batch) for batch in alone["seen"][view]]


@pytest.mark.parametrize(("part", "count"), [("validation", VALIDATION), ("test", TEST)])
def test_every_row_is_measured_once(one, two, part, count):
    [alone], shares = notes(one), notes(two)
    counted = Counter(chain(*(chain(*share["seen"][part]) for share in shares)))
    assert counted == Counter(chain(*alone["seen"][part]))
    assert (len(counted), set(counted.values())) == (count, {1})


def test_both_processes_end_with_the_same_masks(two):
    first, second = (note["masks"] for note in notes(two))
    assert first == second
    assert set(first) == {"find_mask", "finetune"}


def test_the_process_that_alone_finds_a_bad_image_says_which(parquet, tmp_path):
    folder = shutil.copytree(parquet, tmp_path / "data")
    with_broken(coloured_split(VALIDATION, seed=2), [1]).to_parquet(folder / "validation-0.parquet")
    (other, _, _), (code, _, said) = (ended(process) for process in start_ranks(*command(folder, tmp_path)))
    assert (other, code) == (1, 2)
    # Every second row is the second process's.
    assert said.startswith("prune.py: error: row 1 of the validation split is no readable image (")


def test_killed_in_an_epoch_it_goes_on_with_the_same_bits(parquet, two, tmp_path):
    ends = [ended(process) for process in start_ranks(*command(parquet, tmp_path, update=11))]
    assert [code for code, _, _ in ends] == [1, -signal.SIGKILL], ends  # in the sixth of eight iterations
    left = Checkpoints(tmp_path / "out" / "checkpoints").latest().read("shared")["run"]["progress"]
    assert (left["epoch"], left["step"], left["trained"]) == (1, 4, False)
    run_ranks(*command(parquet, tmp_path))
    assert weights(tmp_path) == weights(two)
    assert [note["masks"] for note in notes(tmp_path)] == [note["masks"] for note in notes(two)]
