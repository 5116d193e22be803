from __future__ import annotations

import pytest
import torch
from torch import nn

from vpns_hf.training import AdamSpec, SGDSpec


def parameter(value: float, gradient: float | None) -> nn.Parameter:
    result = nn.Parameter(torch.tensor([value]))
    result.grad = None if gradient is None else torch.tensor([gradient])
    return result


def test_sgd_adds_the_decay_to_the_gradient_and_keeps_momentum():
    weight, prompt = parameter(2.0, 0.5), parameter(1.0, 0.5)
    optimizer = SGDSpec(learning_rate=0.1, prompt_learning_rate=0.2, momentum=0.9, weight_decay=0.01).build(
        [weight], [prompt]
    )
    optimizer.step()
    # velocity 0.5 + 0.01 * 2 = 0.52; 2 - 0.1 * 0.52
    assert weight.item() == pytest.approx(1.948)
    assert prompt.item() == pytest.approx(1 - 0.2 * 0.51)
    optimizer.step()
    # velocity 0.9 * 0.52 + 0.5 + 0.01 * 1.948 = 0.98748
    assert weight.item() == pytest.approx(1.948 - 0.1 * 0.98748)


def test_adam_adds_the_decay_to_the_gradient():
    scores, prompt = parameter(2.0, 0.0), parameter(0.0, 0.0)
    AdamSpec(learning_rate=0.1, prompt_learning_rate=0.2, weight_decay=0.01).build([scores], [prompt]).step()
    # Adam's first step has the length of its learning rate; decoupled decay would move by 0.1 * 0.01 * 2 only.
    assert scores.item() == pytest.approx(1.9, abs=1e-5)
    assert prompt.item() == 0


@pytest.mark.parametrize("spec", [AdamSpec(0.1, 0.2, 0.01), SGDSpec(0.1, 0.2, 0.9, 0.01)])
def test_a_parameter_without_gradient_is_not_stepped(spec):
    weight, prompt = parameter(2.0, 0.5), parameter(1.0, None)
    optimizer = spec.build([weight], [prompt])
    optimizer.step()
    assert prompt.item() == 1
    assert not any(value.any() for value in optimizer.state[prompt].values())
    assert weight.item() != 2


@pytest.mark.parametrize("spec", [AdamSpec(0.1, 0.2, 0.01), SGDSpec(0.1, 0.2, 0.9, 0.01)])
def test_without_a_prompt_there_is_one_group(spec):
    assert len(spec.build([parameter(1.0, 0.5)], []).param_groups) == 1
