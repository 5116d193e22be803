"""A signal that one of two processes gets stops both at the same step; repeated, they end with the same bits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.interrupted import weights
from vpns_hf.training.checkpoints import Checkpoints

ROOT = Path(__file__).parents[2]
LAUNCH = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "tests.faults.scripts.several"]


def launch(folder: Path, update: int) -> subprocess.CompletedProcess:
    settings = {"PYTHONPATH": str(ROOT), "ACCELERATE_USE_CPU": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *LAUNCH, str(folder), str(update)],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
def test_two_processes_stop_and_go_on_together(tmp_path):
    for name in ("alone", "stopped"):
        (tmp_path / name).mkdir()
    assert launch(tmp_path / "alone", 0).returncode == 0
    stopped = launch(tmp_path / "stopped", 9)
    assert stopped.returncode != 0
    # The launcher sends SIGTERM to whoever is still closing down when the first has ended, so that one code is certain.
    assert "failed (exitcode: 143)" in stopped.stderr, stopped.stderr
    assert stopped.stderr.count("stopped by SIGTERM") == 1
    assert len(Checkpoints(tmp_path / "stopped" / "out" / "checkpoints").latest().read("processes")["states"]) == 2
    assert launch(tmp_path / "stopped", 0).returncode == 0
    assert weights(tmp_path / "stopped") == weights(tmp_path / "alone")
