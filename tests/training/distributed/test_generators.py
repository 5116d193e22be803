"""Generators that are brought back give the same numbers again."""

from __future__ import annotations

import io
import random

import numpy as np
import torch

from vpns_hf.training.distributed import generator_states, set_generator_states

CPU = torch.device("cpu")


def draw() -> list[float]:
    return [random.random(), random.gauss(0, 1), np.random.rand(), np.random.randn(), torch.rand(()).item()]


def test_the_same_numbers_come_again():
    random.seed(3)
    random.gauss(0, 1)  # one of a pair: the other is part of the state
    np.random.randn()
    states = generator_states(CPU)
    first = draw()
    assert draw() != first
    set_generator_states(states, CPU)
    assert draw() == first


def test_they_survive_a_file_that_holds_no_code():
    file = io.BytesIO()
    torch.save(generator_states(CPU), file)
    first = draw()
    file.seek(0)
    set_generator_states(torch.load(file, weights_only=True), CPU)
    assert draw() == first
