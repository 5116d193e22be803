from __future__ import annotations

import pytest
from accelerate.state import AcceleratorState

from tests.faults.interrupted import job, weights


@pytest.fixture(autouse=True)
def fresh_accelerator():
    """Accelerate keeps precision and device for a whole process; every test begins without."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="session")
def expected(tmp_path_factory) -> str:
    """The weights of the job that was left alone."""
    folder = tmp_path_factory.mktemp("alone")
    job(folder).train()
    assert not (folder / "out" / "checkpoints").exists()
    return weights(folder)
