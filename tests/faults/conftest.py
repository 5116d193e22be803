from __future__ import annotations

import pytest

from tests.faults.interrupted import job, weights


@pytest.fixture(scope="session")
def expected(tmp_path_factory) -> str:
    """The weights of the job that was left alone."""
    folder = tmp_path_factory.mktemp("alone")
    job(folder).train()
    assert not (folder / "out" / "checkpoints").exists()
    return weights(folder)
