"""Two processes that are signalled stop at the same step; repeated, by two or by one, the job comes to its end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.distributed.launching import ROOT, run_ranks
from tests.faults.interrupted import job, weights
from vpns_hf import VPNsForImageClassification
from vpns_hf.jobs.resume import Checkpoints

LAUNCH = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "tests.faults.scripts.several"]
pytestmark = pytest.mark.slow


def launch(folder: Path, update: int, who: str = "last") -> subprocess.CompletedProcess:
    """Starts the job under a launcher, which passes on signals."""
    folder.mkdir(exist_ok=True)
    settings = {"PYTHONPATH": str(ROOT), "ACCELERATE_USE_CPU": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *LAUNCH, str(folder), str(update), who],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=300,
    )


def latest(folder: Path, part: str) -> dict:
    return Checkpoints(folder / "out" / "checkpoints").latest().read(part)


def finish(folder: Path) -> None:
    """Runs the job, or what is left of it, to its end."""
    folder.mkdir(exist_ok=True)
    run_ranks(ROOT / "tests/faults/scripts/several.py", folder, 0, "last")


@pytest.fixture(scope="module")
def two_alone(tmp_path_factory) -> str:
    """The weights of the job of two processes that was left alone."""
    folder = tmp_path_factory.mktemp("two")
    finish(folder)
    return weights(folder)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory) -> tuple[Path, str]:
    """What two processes leave of which the last was signalled in the middle of fine-tuning, and what they said."""
    folder = tmp_path_factory.mktemp("stopped")
    ended = launch(folder, 9)
    assert ended.returncode != 0
    return folder, ended.stderr


def test_two_processes_stop_and_go_on_together(tmp_path, stopped, two_alone):
    left, said = stopped
    # The launcher sends SIGTERM to whoever is still closing down when the first has ended, so that one code is certain.
    assert "failed (exitcode: 143)" in said, said
    assert said.count("stopped by SIGTERM") == 1
    assert len(latest(left, "processes")["states"]) == 2
    shutil.copytree(left, tmp_path / "copy")
    finish(tmp_path / "copy")
    assert weights(tmp_path / "copy") == two_alone


def test_a_launcher_that_passes_on_the_signal_its_processes_got(tmp_path, two_alone):
    ended = launch(tmp_path, 9, "all")
    assert ended.returncode != 0
    assert ended.stderr.count("stopped by SIGTERM") == 1, ended.stderr
    assert "checkpoint-" in ended.stderr
    progress = latest(tmp_path, "shared")["run"]["progress"]
    # Neither the end of an epoch nor of two steps: the signal has left it, one step later, when all know of it.
    assert (progress["epoch"], progress["step"], progress["trained"]) == (1, 3, False)
    finish(tmp_path)
    assert weights(tmp_path) == two_alone


def test_one_process_goes_on_with_what_two_have_begun(tmp_path, stopped, caplog):
    shutil.copytree(stopped[0], tmp_path, dirs_exist_ok=True)
    results = job(tmp_path).train()
    said = [record.message for record in caplog.records if "in distribution" in record.message]
    assert said == ["going on with 1 process what 2 have begun: the results are equal in distribution, not bit by bit"]
    [run] = results["runs"]
    epochs = [(epoch["stage"], epoch["epoch"]) for epoch in run["history"]]
    assert epochs == [("find_mask", 1), ("finetune", 1), ("finetune", 2)]
    assert json.loads((tmp_path / "out" / "results.json").read_text()) == results
    model = VPNsForImageClassification.from_pretrained(tmp_path / "out" / run["path"])
    total = sum(mask.numel() for mask in model.masks().values())
    assert sum(int(mask.sum()) for mask in model.masks().values()) == total - total // 2
    assert not (tmp_path / "out" / "checkpoints").exists()
