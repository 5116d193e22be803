"""Running statistics that two processes estimate anew: the same bits in both, and close to those of one process."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from tests.distributed.launching import SCRIPTS, run_ranks
from tests.distributed.scripts.recalibrated import BATCHES, recalibrated

pytestmark = pytest.mark.slow
VARIANCE_OFF = 0.05  # the halves of these small batches differ by up to 0.035


@pytest.fixture(scope="module")
def of_two(tmp_path_factory) -> list[dict[str, torch.Tensor]]:
    output = tmp_path_factory.mktemp("two")
    run_ranks(SCRIPTS / "recalibrated.py", output)
    return [load_file(output / f"rank-{rank}.safetensors") for rank in (0, 1)]


def test_both_processes_hold_the_same_bits(of_two):
    first, second = of_two
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def test_they_are_close_to_those_of_one_process_with_the_same_global_batches(of_two, tmp_path):
    """Each process normalises its half of a batch by itself, so that what later layers see differs a little."""
    expected = recalibrated(tmp_path)
    assert {int(value) for name, value in expected.items() if name.endswith("tracked")} == {2 * BATCHES}
    first = next(name for name in expected if name.endswith("running_mean"))
    torch.testing.assert_close(
        of_two[0][first], expected[first], rtol=1e-4, atol=1e-6
    )  # the stem sees the same pictures
    for name, value in expected.items():
        if name.endswith("running_var"):
            assert (of_two[0][name] / value - 1).abs().max() < VARIANCE_OFF, name
