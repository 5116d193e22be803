from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from vpns_hf.data.buffers import BufferPool


def test_memory_in_use_is_never_handed_out_again():
    pool = BufferPool()
    taken = [pool.take((2, 3)) for _ in range(5)]
    assert len({tensor.data_ptr() for tensor in taken}) == 5


def test_threads_never_get_the_same_memory():
    pool = BufferPool(limit=8)
    with ThreadPoolExecutor(8) as threads:
        for _ in range(50):
            taken = list(threads.map(lambda _: pool.take((16,)), range(8)))
            assert len({tensor.data_ptr() for tensor in taken}) == 8


def test_released_memory_is_used_again():
    pool = BufferPool()
    first = pool.take((4, 4))
    place = first.data_ptr()
    del first
    assert pool.take((2, 4)).data_ptr() == place


def test_view_keeps_memory_in_use():
    pool = BufferPool()
    first = pool.take((4, 4))
    view = first[1:].reshape(-1)
    place = first.data_ptr()
    del first
    assert pool.take((4, 4)).data_ptr() != place
    assert view.numel() == 12


def test_autograd_keeps_memory_in_use():
    pool = BufferPool()
    weight = torch.ones(4, requires_grad=True)
    pixels = pool.take((4,)).fill_(3)
    loss = (weight * pixels).sum()
    del pixels
    pool.take((4,)).fill_(-1)
    loss.backward()
    assert weight.grad.tolist() == [3, 3, 3, 3]


def test_larger_batch_gets_memory_of_its_own():
    pool = BufferPool()
    del_me = pool.take((2,))
    del del_me
    assert pool.take((100,)).shape == (100,)


@pytest.mark.parametrize("count", [1, 3, 99])
def test_interpreters_may_count_references_differently(count, monkeypatch):
    monkeypatch.setattr(sys, "getrefcount", lambda _: count)
    pool = BufferPool()
    first, second = pool.take((4,)), pool.take((4,))
    place = first.data_ptr()
    assert second.data_ptr() != place
    del first
    assert pool.take((4,)).data_ptr() == place


def test_array_of_a_batch_keeps_memory_in_use():
    pool = BufferPool()
    array = pool.take((4,)).fill_(3).numpy()
    pool.take((4,)).fill_(-1)
    assert array.tolist() == [3, 3, 3, 3]
