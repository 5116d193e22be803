"""The token of a user is nowhere in what a whole job leaves: logs, errors, results, cards, checkpoints, the Hub."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.client import ROOT
from tests.hub.conftest import WRITER
from tests.training_helpers import TINY_JOB, write_tiny_inputs

NEVER = 10**6
pytestmark = pytest.mark.slow


class Job:
    """A tiny job that publishes its model; everything it writes is below one folder."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.folder = folder
        home = {"HOME": folder, "HF_HOME": folder / "huggingface", "VPNS_CACHE": folder / "cache"}
        hub = {"HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_XET": 1, "HF_HUB_DISABLE_TELEMETRY": 1}
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        own = {"ACCELERATE_USE_CPU": 1, "PYTHONPATH": ROOT, **home, **hub}
        self.environment = {**kept, **{key: str(value) for key, value in own.items()}}
        self.inputs = write_tiny_inputs(folder)

    def run(self, token: str, *options: object, signal_at: int = NEVER) -> int:
        """Returns the exit code; what is said is added to the file `said`."""
        named = ["--output_dir", self.folder / "out", "--push_to_hub", "--hub_model_id", "vpns/tokens-{sparsity}"]
        driver = [sys.executable, "-m", "tests.faults.scripts.driver", "SIGTERM", signal_at]
        with open(self.folder / "said", "a") as said:
            return subprocess.run(
                [str(word) for word in (*driver, *self.inputs, *named, *TINY_JOB, *options)],
                **{"cwd": ROOT, "env": {**self.environment, "HF_TOKEN": token}, "timeout": 300},
                **{"stdout": said, "stderr": said},
            ).returncode

    def holding(self, text: str) -> list[str]:
        """The files that hold a text, byte by byte."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return [str(path.relative_to(self.folder)) for path in files if text.encode() in path.read_bytes()]


@pytest.fixture
def job(hub, tmp_path) -> Iterator[Job]:
    return Job(tmp_path, hub.url)


def test_a_job_that_is_interrupted_goes_on_and_publishes(hub, job):
    assert job.run(WRITER, signal_at=5) == 143
    assert [name for name in job.holding("label_mapping") if name.startswith("out/checkpoints/")]  # the search finds
    assert job.holding(WRITER) == []
    assert job.run(WRITER) == 0
    assert job.holding("vpns/tokens-50: published") == ["said"]
    assert "out/results.json" in job.holding("sparsity-50")
    assert job.holding(WRITER) == []
    commits = hub.model("vpns/tokens-50").commits
    assert commits[-1].files
    for commit in commits:
        assert not [path for path, file in commit.files.items() if WRITER.encode() in file.content]
