from __future__ import annotations

import sys

import pytest

from tests.helpers import tiny_model
from vpns_hf.jobs import compare_latency
from vpns_hf.reporting import DENSE, FLOAT32, INT8, PRUNED


@pytest.mark.slow
def test_every_library_that_is_installed():
    compared = compare_latency(tiny_model())
    assert list(compared.latencies) == [DENSE, PRUNED, FLOAT32, INT8]
    for by_batch in compared.latencies.values():
        assert list(by_batch) == [1, 16]
        assert all(0 < latency.lower <= latency.median <= latency.upper for latency in by_batch.values())
    assert (compared.image_size, compared.sparsity) == (16, tiny_model().sparsity)
    assert "for its speed alone" in " ".join(compared.notes)


def test_without_onnx_runtime(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    compared = compare_latency(tiny_model())
    assert list(compared.latencies) == [DENSE, PRUNED]
    [note] = compared.notes
    assert note.startswith("ONNX Runtime was left out: ")
    assert 'pip install "vpns_hf[onnx]"' in note
