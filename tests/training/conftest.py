from __future__ import annotations

import os

import pytest
from accelerate.state import AcceleratorState

# Equal numbers are asked for, bit by bit, also where there is a GPU.
os.environ["ACCELERATE_USE_CPU"] = "1"


@pytest.fixture(autouse=True)
def fresh_accelerator():
    """Accelerate keeps precision and device for a whole process; every test begins without."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)
