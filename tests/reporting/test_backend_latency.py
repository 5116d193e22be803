from __future__ import annotations

from vpns_hf.metrics import Latency
from vpns_hf.reporting import DENSE, DENSE_FLOAT32, FLOAT32, INT8, PRUNED, BackendLatency


def latency(median: float) -> Latency:
    return Latency(median, 0.9 * median, 1.1 * median)


def said(pruned: float = 10, is_thinner: bool = False, **others: float) -> str:
    medians = {DENSE: 10.0, PRUNED: pruned, **others}
    latencies = {name: {1: latency(value), 16: latency(10 * value)} for name, value in medians.items()}
    return str(BackendLatency(latencies, 0.9, 32, "CPU X, 1 thread", 15, is_thinner, ["A note."]))


def test_the_table():
    text = said(**{FLOAT32: 4.0})
    assert "pictures of 32 pixels, CPU X, 1 thread; medians and quartiles of 15 runs" in text
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    assert rows[0] == ["", "Batch of 1", "Batch of 16"]
    assert rows[2:] == [
        [DENSE, "10 ms (9 to 11)", "100 ms (90 to 110)"],
        [PRUNED, "10 ms (9 to 11)", "100 ms (90 to 110)"],
        [FLOAT32, "4 ms (3.6 to 4.4)", "40 ms (36 to 44)"],
    ]
    assert text.endswith("\nA note.")


def test_zeros_that_save_no_time():
    text = said(pruned=10.5)
    assert "90.00% of its weights removed, beside the dense one: as fast to within the spread (batch of 1), as" in text
    assert "no more speed" in text
    assert "ONNX" not in text


def test_channels_that_save_no_time_are_no_zeros():
    text = said(pruned=10.5, is_thinner=True, **{DENSE_FLOAT32: 8.0, FLOAT32: 4.0})
    assert "zeros are multiplied" not in text
    assert "In ONNX Runtime the same, both in float32: 2.00 times as fast (batch of 1)" in text


def test_a_model_that_is_faster():
    text = said(pruned=4)
    assert "beside the dense one: 2.50 times as fast (batch of 1), 2.50 times as fast (batch of 16)." in text
    assert "no more speed" not in text


def test_other_libraries():
    text = said(pruned=20, **{FLOAT32: 5.0, INT8: 1.0})
    assert "beside the dense one: 2.00 times as slow (batch of 1)" in text
    assert "ONNX Runtime in float32, beside PyTorch: 4.00 times as fast (batch of 1)" in text
    assert "Its file of 8 bits, beside that in float32: 5.00 times as fast (batch of 1)" in text
