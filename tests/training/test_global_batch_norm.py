"""Shares of a batch, joined, are normalised and remembered as the whole batch is."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from vpns_hf.training.global_batch_norm import _forward, over_all_processes


class Peers:
    """Stands for an accelerator of processes that answer with what the other shares gave to the same call."""

    def __init__(self, gathered: list[torch.Tensor] | None = None) -> None:
        self.given, self.gathered, self.num_processes = [], gathered, 2

    def gather(self, value: torch.Tensor) -> torch.Tensor:
        self.given.append(value)
        return value if self.gathered is None else torch.cat(self.gathered)


def joined(layer: nn.Module, shares: list[torch.Tensor]) -> torch.Tensor:
    """What the layer makes of the first share when all are known."""
    facts = []
    for share in shares:
        peers = Peers()
        _forward(copy.deepcopy(layer), peers, share)
        facts += peers.given
    return _forward(layer, Peers(facts), shares[0])


@pytest.mark.parametrize("sizes", [[4, 4], [6, 2], [3, 3, 2]])
@pytest.mark.parametrize("momentum", [None, 0.1])
@pytest.mark.parametrize("kind", [nn.BatchNorm2d, nn.BatchNorm1d])
def test_shares_are_the_whole(sizes, momentum, kind):
    torch.manual_seed(3)
    shape = (8, 5, 3, 3) if kind is nn.BatchNorm2d else (8, 5)
    alone, together = kind(5, momentum=momentum), kind(5, momentum=momentum)
    with torch.no_grad():
        for _ in range(3):
            batch = torch.randn(shape) * 3 + torch.arange(8).view(-1, *[1] * (len(shape) - 1))
            expected = alone.train()(batch)
            found = joined(together, list(batch.split(sizes)))
            torch.testing.assert_close(found, expected[: sizes[0]], rtol=1e-5, atol=1e-5)
    for name, value in alone.named_buffers():
        torch.testing.assert_close(dict(together.named_buffers())[name], value, rtol=1e-5, atol=1e-6)


def test_layers_are_as_before_afterwards():
    layer, other = nn.BatchNorm2d(3), nn.InstanceNorm2d(3, track_running_stats=True)
    with over_all_processes([layer, other], Peers()):
        assert "forward" in vars(layer)
        assert "forward" not in vars(other)
    assert "forward" not in vars(layer)


def test_one_process_is_left_to_torch():
    layer, alone = nn.BatchNorm2d(3), Peers()
    alone.num_processes = 1
    with over_all_processes([layer], alone):
        assert "forward" not in vars(layer)
