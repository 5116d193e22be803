"""SIGTERM and SIGINT finish the step and write a checkpoint; the exit code says which it was."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from functools import partial
from itertools import count

import pytest

from tests.distributed.launching import ROOT, ended, start
from tests.faults.interrupted import At, job, weights
from tests.training_helpers import TINY_JOB, write_tiny_inputs
from vpns_hf.errors import Interrupted
from vpns_hf.jobs import trainer
from vpns_hf.jobs.resume import Checkpoints
from vpns_hf.training.distributed import StopRequest

pytestmark = pytest.mark.slow  # whole jobs

SIGNALS = {"SIGTERM": 143, "SIGINT": 130}


@pytest.mark.parametrize(("name", "update"), [("SIGTERM", 1), ("SIGTERM", 6), ("SIGINT", 6), ("SIGTERM", 11)])
def test_the_step_is_finished_and_the_job_goes_on_later(tmp_path, expected, name, update):
    stop = At(update, lambda: signal.raise_signal(signal.Signals[name]))
    before = signal.getsignal(signal.Signals[name])
    with pytest.raises(Interrupted, match=f"stopped by {name}; .*repeat the command to go on") as stopped:
        job(tmp_path, stop).train()
    assert stopped.value.code == SIGNALS[name]
    assert signal.getsignal(signal.Signals[name]) is before
    state = Checkpoints(tmp_path / "out" / "checkpoints").latest().read("shared")["run"]
    assert state["progress"]["step"] == {1: 1, 6: 3, 11: 3}[update]
    job(tmp_path).train()
    assert weights(tmp_path) == expected


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, which it does not in a process that was started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def twice() -> None:
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)


def test_a_signal_that_a_launcher_repeats_counts_once(tmp_path, expected, interruptible):
    with pytest.raises(Interrupted, match="repeat the command to go on"):
        job(tmp_path, At(3, twice)).train()
    job(tmp_path).train()
    assert weights(tmp_path) == expected


def test_a_later_second_signal_does_what_it_did_before(tmp_path, interruptible, monkeypatch):
    slow = partial(StopRequest, grace=0, clock=count().__next__)
    monkeypatch.setattr(trainer, "StopRequest", slow)
    with pytest.raises(KeyboardInterrupt) as stopped:
        job(tmp_path, At(3, twice)).train()
    assert not isinstance(stopped.value, Interrupted)


@pytest.mark.parametrize("name", SIGNALS)
def test_the_script_exits_with_the_code_of_the_signal_and_one_line(tmp_path, name):
    driver = [ROOT / "tests/faults/scripts/driver.py", name, 5]
    named = [*write_tiny_inputs(tmp_path), "--output_dir", tmp_path / "out"]
    named += ["--image_mean", 0, 0, 0, "--image_std", 1, 1, 1]
    code, _, said = ended(start([*driver, *named, *TINY_JOB], VPNS_CACHE=tmp_path / "cache"))
    assert code == SIGNALS[name], said
    *before, line = said.splitlines()
    assert all(", epoch " in other or "WARNING: " in other for other in before), said
    assert line.startswith(f"prune.py: stopped by {name}; ")
    assert "checkpoint-000002 is complete" in line
