"""2 of every 4 weights that follow the weights: on one layer that the pattern fits, and one that it does not."""

from __future__ import annotations

import copy
import pickle
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from vpns_hf import InputError
from vpns_hf.models.masked_layers import MaskedLinear
from vpns_hf.pruning import FollowingMask, NOfM

WEIGHT = [4.0, -3.0, 2.0, 1.0]
HIGHEST = [True, True, False, False]


def layer(weight: list[float], mask: list[bool]) -> MaskedLinear:
    made = MaskedLinear.from_plain(nn.Linear(len(weight), 1, bias=False))
    with torch.no_grad():
        made.weight.copy_(torch.tensor(weight))
        made.weight_mask.copy_(torch.tensor(mask))
    return made


def following(mask: list[bool] = HIGHEST, decay: float = 0.5) -> tuple[FollowingMask, MaskedLinear, MaskedLinear]:
    fits, other = layer(WEIGHT, mask), layer([1.0, 2.0, 3.0], [True, True, False])
    model = SimpleNamespace(masked_layers=lambda: {"fits": fits, "other": other})
    return FollowingMask(model, NOfM(2, 4), decay), fits, other


def values(tensor: Tensor) -> list[float]:
    return tensor.squeeze(0).tolist()


def test_pruned_weights_get_the_gradient_and_decay():
    mask, fits, other = following()
    output = fits(torch.tensor([[1.0, 2.0, 3.0, 4.0]])) + other(torch.ones(1, 3))
    assert output.item() == (4 - 6) + (1 + 2)
    (10 * output).sum().backward()
    assert values(fits.weight.grad) == [10, 20, 30, 40]
    mask.decay(scale=10)
    assert values(fits.weight.grad) == [10, 20, 30 + 10 * 0.5 * 2, 40 + 10 * 0.5 * 1]
    assert values(other.weight.grad) == [10, 10, 0]


def test_the_mask_follows_the_weights():
    mask, fits, other = following()
    with torch.no_grad():
        fits.weight.copy_(torch.tensor([[1.0, -3.0, 2.0, 0.5]]))
        other.weight.copy_(torch.tensor([[0.0, 0.0, 9.0]]))
    mask.update()
    assert values(fits.weight_mask) == [False, True, True, False]
    assert values(other.weight_mask) == [True, True, False]
    with torch.no_grad():
        assert fits(torch.ones(1, 4)).item() == -1
        fits.weight[0, 0] = torch.nan
    with pytest.raises(InputError, match="NaN"):
        mask.update()


@pytest.mark.parametrize(
    ("found", "weight"),
    [(HIGHEST, WEIGHT), ([False, False, True, True], [0, 0, 2, 1]), ([True, False, False, True], [4, 0, 0, 1])],
)
def test_it_begins_with_the_mask_that_was_found(found, weight):
    mask, fits, _ = following(found)
    mask.update()
    assert values(fits.weight_mask) == found
    assert values(fits.weight) == weight


def test_copies_and_the_end():
    mask, fits, _ = following()
    pictures = torch.ones(1, 4)
    for again in (copy.deepcopy(fits), pickle.loads(pickle.dumps(fits))):
        assert torch.equal(again(pictures), fits(pictures))
    mask.finish()
    assert type(fits) is MaskedLinear
    fits(pictures).sum().backward()
    assert values(fits.weight.grad) == [1, 1, 0, 0]
