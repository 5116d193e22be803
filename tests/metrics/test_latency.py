from __future__ import annotations

import itertools

import pytest
import torch

from vpns_hf.metrics import Latency, device_name, latency, measure_latency


def test_calls_take_turns(monkeypatch):
    calls, clock = [], iter(range(1000))
    monkeypatch.setattr(latency.time, "perf_counter", lambda: float(next(clock)))
    sides = {name: lambda name=name: calls.append(name) for name in ("ours", "dense")}
    assert measure_latency(sides, torch.device("cpu"), repeats=4) == {
        "ours": Latency(1000, 1000, 1000),
        "dense": Latency(1000, 1000, 1000),
    }
    turns = {tuple(calls[start : start + 2]) for start in range(0, len(calls), 2)}
    assert len(calls) == 2 * (latency.WARM_UP + 4)
    assert turns == {("ours", "dense"), ("dense", "ours")}, "each side is first at times"


def test_short_calls_are_timed_more_often(monkeypatch):
    now = itertools.count()
    monkeypatch.setattr(latency.time, "perf_counter", lambda: next(now) / 1000)
    calls = []
    measure_latency({"ours": lambda: calls.append(1)}, torch.device("cpu"), repeats=4, milliseconds=49.5)
    assert len(calls) == latency.WARM_UP + 50
    calls.clear()
    measure_latency({"ours": lambda: calls.append(1)}, torch.device("cpu"), repeats=4, milliseconds=500)
    assert len(calls) == latency.WARM_UP + 4 * 20, "not for ever"


def test_the_first_ones_do_not_count_and_the_median_and_the_quartiles_do(monkeypatch):
    ticks = iter([0, 9, 0, 9, 0, 9, 0, 1, 0, 2, 0, 30, 0, 3, 0, 2])
    monkeypatch.setattr(latency.time, "perf_counter", lambda: float(next(ticks)))
    measured = measure_latency({"ours": lambda: torch.zeros(1)}, torch.device("cpu"), repeats=5)
    assert measured == {"ours": Latency(median=2000, lower=2000, upper=3000)}


@pytest.mark.parametrize(
    ("one", "other", "meet"), [((1, 3), (3, 4), True), ((1, 9), (3, 4), True), ((1, 2), (3, 4), False)]
)
def test_spreads_that_overlap(one, other, meet):
    latencies = Latency(2, *one), Latency(3.5, *other)
    assert latencies[0].overlaps(latencies[1]) == latencies[1].overlaps(latencies[0]) == meet


def test_no_gradient_is_kept():
    weight = torch.ones(1, requires_grad=True)
    seen = []
    measure_latency({"ours": lambda: seen.append((weight * 2).requires_grad)}, torch.device("cpu"), repeats=1)
    assert not any(seen)


def test_the_name_and_the_threads_of_a_cpu(monkeypatch, tmp_path):
    threads = f"{torch.get_num_threads()} thread{'s' if torch.get_num_threads() > 1 else ''}"
    monkeypatch.setattr(latency, "CPU_INFO", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text("vendor_id\t: X\nmodel name\t: Swift 9 @ 3 GHz\nmodel name\t: another\n")
    assert device_name(torch.device("cpu")) == f"CPU Swift 9 @ 3 GHz, {threads}"
    (tmp_path / "cpuinfo").unlink()
    assert device_name(torch.device("cpu")).endswith(f", {threads}")
