from __future__ import annotations

from dataclasses import replace

import pytest

from tests.training_helpers import tiny_trainer
from vpns_hf.reporting import EpochRecord, ViewLoss, share_of_waiting
from vpns_hf.training import Waiting, waiting


@pytest.fixture
def clock(monkeypatch):
    """A list whose last number is the time, in seconds."""
    times = [0.0]
    monkeypatch.setattr(waiting.time, "perf_counter", lambda: times[-1])
    return times


def test_asking_counts_and_working_does_not(clock):
    def slow():
        for seconds in (1, 2, 4):
            clock.append(clock[-1] + seconds)
            yield seconds
        clock.append(clock[-1] + 8)  # to find out that there are no more

    timer = Waiting()
    seen = []
    for batch in timer.over(slow()):
        seen.append(batch)
        clock.append(clock[-1] + 100)
    assert seen == [1, 2, 4]
    assert timer.seconds == 15


def test_every_pass_counts(clock):
    class Slow:
        def __iter__(self):
            clock.append(clock[-1] + 3)
            yield from "ab"

    timer = Waiting(1.5)
    batches = timer.over(Slow())
    assert list(batches) == list(batches) == ["a", "b"]
    assert timer.seconds == 7.5


def test_the_share_over_all_epochs():
    epoch = EpochRecord("finetune", 1, ViewLoss(plain=1.0), 0.5, 0.1, seconds=30.0, waiting=1.0)
    assert share_of_waiting([epoch, replace(epoch, seconds=10.0, waiting=3.0)]) == 0.1
    assert share_of_waiting([epoch, replace(epoch, waiting=None)]) == 1 / 30
    assert share_of_waiting([replace(epoch, waiting=None)]) is None
    assert share_of_waiting([]) is None


@pytest.mark.slow
def test_a_job_tells_how_long_it_waited(tmp_path):
    trainer = tiny_trainer(tmp_path)
    [run] = trainer.train()["runs"]
    assert all(0 < record["waiting"] < record["seconds"] for record in run["history"])
    assert run["waiting"] == pytest.approx(
        sum(record["waiting"] for record in run["history"]) / sum(record["seconds"] for record in run["history"])
    )
