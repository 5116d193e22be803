from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.faults.interrupted import crashed_job, job, weights


@pytest.fixture(scope="session")
def expected(tmp_path_factory) -> str:
    """The weights of the job that was left alone."""
    folder = tmp_path_factory.mktemp("alone")
    job(folder).train()
    assert not (folder / "out" / "checkpoints").exists()
    return weights(folder)


@pytest.fixture(scope="session")
def crashed_at_12(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("crashed")
    crashed_job(folder, 12)
    return folder


@pytest.fixture
def unfinished(crashed_at_12, tmp_path) -> Path:
    """What is left of the job after a crash at its 12th update."""
    return shutil.copytree(crashed_at_12, tmp_path / "unfinished")
