"""Every method in two real processes, one launch for all: equal masks in both, exact counts, and what must be that of one."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.distributed.launching import SCRIPTS, run_ranks
from tests.distributed.scripts.methods import CASES, CHANNELS, SPARSITY, masks_of, runs
from vpns_hf.methods import METHODS
from vpns_hf.pruning import num_dropped

pytestmark = pytest.mark.slow


def of(method: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in tensors.items() if name.startswith(f"{method}.")}


def differing(first: dict[str, Tensor], second: dict[str, Tensor]) -> list[str]:
    assert first.keys() == second.keys() != set()
    return [name for name, value in first.items() if not torch.equal(value, second[name])]


def test_every_method_in_two_processes(tmp_path):
    """One test, since each worker of a test run would launch the processes anew."""
    run_ranks(SCRIPTS / "methods.py", tmp_path)
    ranks = [load_file(tmp_path / f"rank-{rank}.safetensors") for rank in (0, 1)]
    assert {name.partition(",")[0] for name in CASES} == METHODS.keys() - {"dense"}
    for name, options in CASES.items():
        check_masks(*(of(name, tensors) for tensors in ranks), options == CHANNELS)
    for method in ("random", "omp", "snip", "grasp", "synflow", "phew"):
        expected = masks_of(runs(tmp_path, method))  # of one process
        assert differing(expected, of(method, ranks[0])) == []
    check_rewinding(ranks)


def check_masks(first: dict[str, Tensor], second: dict[str, Tensor], of_channels: bool) -> None:
    """Both processes end with the same mask, of the exact count; of 5 classes all stay, of 8 channels 6, of 12 8."""
    assert differing(first, second) == []
    if of_channels:
        assert [int(mask.flatten(1).any(1).sum()) for mask in first.values()] == [5, 6, 6, 6, 8, 8, 8]
        return
    total = sum(mask.numel() for mask in first.values())
    assert sum(int(mask.sum()) for mask in first.values()) == total - num_dropped(total, SPARSITY)


def check_rewinding(ranks: list[dict[str, Tensor]]) -> None:
    """Each process goes back to running statistics of its own, and ends like the other."""
    first, second = ranks
    assert differing(of("early", first), of("early", second)) == []
    assert not torch.equal(first["early.0"], first["early.1"])
    for rank, tensors in enumerate(ranks):
        assert torch.equal(tensors["rewound.0"], tensors[f"early.{rank}"])
        assert torch.equal(tensors["rewound.1"], tensors[f"early.{rank}"])
    assert differing(of("state", first), of("state", second)) == []
