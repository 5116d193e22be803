"""Masks that are not the same in all processes stop the run, and the first layer is named."""

from __future__ import annotations

import pytest

from tests.distributed.launching import SCRIPTS, ended, start_ranks
from tests.training_helpers import dense_model

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("every", "when"), [(4, "after 8 updates of find_mask"), (0, "at the end of find_mask")])
def test_the_run_stops_at_the_next_look(tmp_path, every, when):
    processes = start_ranks(SCRIPTS / "drifting.py", tmp_path, 5, every)
    ends = [ended(process) for process in processes]
    assert [code for code, _, _ in ends] == [2, 2], ends
    [line] = [line for line in ends[0][2].splitlines() if line.startswith("drifting.py: error: ")]
    assert f"of process 1 is not that of process 0 {when}: the processes have drifted apart" in line
    assert any(f"the mask of layer {name} of process 1" in line for name in dense_model().masks())
