from __future__ import annotations

from dataclasses import asdict

from vpns_hf.metrics import Latency
from vpns_hf.reporting import (
    DENSE,
    DENSE_FLOAT32,
    FLOAT32,
    INT8,
    MNN_DENSE,
    MNN_PRUNED,
    PRUNED,
    BackendLatency,
    LatencyRecord,
)


def records(backend: str, median: float) -> list[LatencyRecord]:
    medians = {1: median, 16: 10 * median}
    return [LatencyRecord(backend, size, value, 0.9 * value, 1.1 * value) for size, value in medians.items()]


def compared(medians: dict[str, float], is_thinner: bool = False) -> BackendLatency:
    measured = [record for backend, median in medians.items() for record in records(backend, median)]
    return BackendLatency(measured, 0.9, 32, "CPU X, 1 thread", 15, is_thinner, ["A note."])


def said(pruned: float = 10, is_thinner: bool = False, **others: float) -> str:
    return str(compared({DENSE: 10.0, PRUNED: pruned, **others}, is_thinner))


def test_what_is_kept_tells_the_same():
    latency = compared({DENSE: 10.0, PRUNED: 5.0, MNN_DENSE: 4.0, MNN_PRUNED: 2.0})
    again = BackendLatency.from_dict(asdict(latency))
    assert (again, str(again)) == (latency, str(latency))
    assert again.latencies[MNN_PRUNED][16] == Latency(20.0, 18.0, 22.0)


def test_mnn():
    assert "In MNN the pruned model, beside the dense one: 2.00 times as fast" in said(**{MNN_DENSE: 4, MNN_PRUNED: 2})
    slower = {MNN_DENSE: 4.0, MNN_PRUNED: 8.0}
    assert "too few to save time" in said(**slower)
    assert "too few to save time" not in said(is_thinner=True, **slower)


def test_the_table():
    text = said(**{FLOAT32: 4.0})
    assert "pictures of 32 pixels, CPU X, 1 thread; medians and quartiles of at least 15 runs each" in text
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


def test_times_of_a_busy_machine_are_no_ratio():
    """Quartiles of 2 and 11 ms beside a dense network of 40."""
    measured = [LatencyRecord(DENSE, 1, 40.0, 39.0, 41.0), LatencyRecord(PRUNED, 1, 10.0, 2.0, 11.0)]
    text = str(BackendLatency(measured, 0.9, 32, "CPU X, 1 thread", 15))
    assert "beside the dense one: not to be told from times that spread so far (batch of 1)" in text
    assert "4.00 times" not in text


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
