"""Real jobs: a study that is killed and repeated, two jobs at a time, gives the bits of each `vpns prune` run alone."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.helpers import forget_accelerator
from tests.training_helpers import write_tiny_inputs
from vpns_hf.cli.parsing import parse_study
from vpns_hf.cli.prune import main as prune
from vpns_hf.cli.sweep import main as sweep
from vpns_hf.studies import StudyFolder

pytestmark = pytest.mark.slow  # processes that train

ROOT = Path(__file__).parents[2]
FLAGS = [
    *("--methods", "omp", "vpns", "--sparsities", "0.5", "--pretrain_epochs", "1", "--label_mapping", "identity"),
    *("--find_mask_epochs", "1", "--finetune_epochs", "2", "--image_size", "16", "--prompt_size", "2"),
    *("--train_batch_size", "16"),
]


@pytest.fixture
def flags(tmp_path, monkeypatch) -> list[str]:
    """Of a study on a tiny network and tiny data."""
    monkeypatch.setenv("VPNS_CACHE", str(tmp_path / "cache"))
    return [*map(str, write_tiny_inputs(tmp_path)), *FLAGS]


def start(*arguments: str, cwd: Path) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "vpns_hf", *arguments]
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=cwd, env=environment, **output)


def in_this_process(main: Callable[[], None], monkeypatch: pytest.MonkeyPatch, name: str, *arguments: str) -> None:
    forget_accelerator()
    monkeypatch.setattr(sys, "argv", [f"vpns {name}", *arguments])
    main()


def outcome(job: Path) -> tuple[str, dict, dict]:
    """The digest of the weights, the accuracy of the model, and the dense reference."""
    results = json.loads((job / "results.json").read_text())
    weights = hashlib.sha256((job / "sparsity-50" / "model.safetensors").read_bytes()).hexdigest()
    return weights, results["runs"][0]["accuracy"], results["dense"]


def test_a_study_that_is_killed_gives_the_bits_of_each_job_alone(flags, tmp_path, monkeypatch, capsys):
    study = tmp_path / "study"
    command = ["sweep", *flags, "--jobs", "2", "--output_dir", str(study)]
    driver = start(*command, cwd=tmp_path)
    while not list(study.glob("cells/*/checkpoints/checkpoint-*")) and driver.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            driver.wait(0.1)
    os.kill(driver.pid, signal.SIGKILL)
    driver.communicate()
    monkeypatch.chdir(tmp_path)
    in_this_process(sweep, monkeypatch, *command)
    assert capsys.readouterr().out.rstrip().endswith(f"2 of 2 runs are done. Results, tables and plots: {study}")
    shared = [file.name for file in study.glob("shared/threads-1/*.safetensors")]
    assert len(shared) == 2, "the pre-trained network and the dense reference, each made once"
    for cell in parse_study(flags).cells:
        alone = tmp_path / "alone" / cell.name
        in_this_process(prune, monkeypatch, "prune", *cell.arguments(alone, tmp_path / cell.name))
        assert outcome(StudyFolder(study).job(cell)) == outcome(alone)
