from __future__ import annotations

import sys

import pytest
import torch

from tests.helpers import tiny_model
from tests.pruning.channels.networks import dense_network, thin_model
from vpns_hf.jobs import compare_latency, latency
from vpns_hf.metrics import measure_latency
from vpns_hf.reporting import DENSE, DENSE_FLOAT32, FLOAT32, INT8, MNN_DENSE, MNN_PRUNED, PRUNED


@pytest.mark.slow
def test_every_library_that_is_installed():
    compared = compare_latency(tiny_model())
    assert list(compared.latencies) == [DENSE, PRUNED, FLOAT32, INT8, MNN_DENSE, MNN_PRUNED]
    for by_batch in compared.latencies.values():
        assert list(by_batch) == [1, 16]
        assert all(0 < latency.lower <= latency.median <= latency.upper for latency in by_batch.values())
    assert (compared.image_size, compared.sparsity) == (16, tiny_model().sparsity)
    [note] = compared.notes
    assert "for its speed alone" in note
    assert {"torch", "onnxruntime", "MNN"} <= set(compared.versions)


@pytest.mark.slow
def test_a_thinner_model_stands_beside_the_dense_network(monkeypatch):
    dense, thin, shapes = dense_network("resnet"), thin_model("resnet"), {}

    def watched(calls, *given):
        shapes.update({name: classify().shape[1] for name, classify in calls.items()})
        return measure_latency(calls, *given)

    monkeypatch.setattr(latency, "measure_latency", watched)
    compared = compare_latency(thin)
    assert list(compared.latencies) == [DENSE, PRUNED, DENSE_FLOAT32, FLOAT32, INT8, MNN_DENSE, MNN_PRUNED]
    sources = dict.fromkeys((DENSE, DENSE_FLOAT32, MNN_DENSE), dense.backbone.config.num_labels)
    assert shapes == {name: sources.get(name, thin.config.num_labels) for name in compared.latencies}


@pytest.mark.slow
def test_without_onnx_runtime(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    compared = compare_latency(tiny_model())
    assert list(compared.latencies) == [DENSE, PRUNED]
    [note] = compared.notes
    assert note.startswith("ONNX Runtime was left out, and MNN with it: ")
    assert 'pip install "vpns_hf[onnx]"' in note


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_cpu_has_no_kernels_for_two_of_four(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    model = tiny_model(granularity="2:4")
    compared = compare_latency(model)
    assert compared.notes[-1].startswith("2:4 brings nothing on a CPU; ")
    assert list(compared.latencies) == [DENSE, PRUNED]


@pytest.mark.slow
def test_without_mnn(monkeypatch):
    monkeypatch.setitem(sys.modules, "MNN", None)
    compared = compare_latency(tiny_model())
    assert list(compared.latencies) == [DENSE, PRUNED, FLOAT32, INT8]
    assert compared.notes[-1].startswith("MNN was left out: ")
    assert 'pip install "vpns_hf[mnn]"' in compared.notes[-1]
