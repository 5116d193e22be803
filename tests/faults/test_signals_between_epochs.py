"""A signal where nothing is trained ends the job at the next batch; the same command repeats that part, to the same bits."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.faults.interrupted import Updates, job, weights
from vpns_hf.errors import Interrupted
from vpns_hf.training import Callback, Run

pytestmark = pytest.mark.slow  # whole jobs

JOB = {"bn_recalibration": 3, "find_mask_epochs": 2, "per_device_eval_batch_size": 4}
# How many stages are finished, and whether an epoch is trained; None where none is under way.
PHASES = {
    "the first label mapping": (0, None),
    "a later label mapping": (1, False),
    "the evaluation of the mask": (2, None),
    "bn recalibration": (3, None),
    "the evaluation of an epoch": (5, True),
    "the final evaluation": (6, None),
}
CODES = {"SIGTERM": 143, "SIGINT": 130}


class InPhase(Callback):
    """Sends its process a signal at the second batch of a phase, and counts the batches and updates after it."""

    def __init__(self, phase: tuple[int, bool | None], name: str) -> None:
        self.phase, self.name = phase, name
        self.batches, self.after = 0, 0

    def on_evaluation_batch(self, run: Run) -> None:
        self.after += self.batches > 1
        if (run.finished, run.progress and run.progress.trained) == self.phase:
            self.batches += 1
            if self.batches == 2:
                signal.raise_signal(signal.Signals[self.name])

    def on_update(self, run, stage, update, loss) -> None:
        self.after += self.batches > 1


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> str:
    """The weights of the job that was left alone."""
    folder = tmp_path_factory.mktemp("alone")
    job(folder, **JOB).train()
    return weights(folder)


@pytest.mark.parametrize(
    ("phase", "name"), [*((phase, "SIGTERM") for phase in PHASES), ("bn recalibration", "SIGINT")]
)
def test_it_stops_at_the_next_batch_and_goes_on_later(tmp_path, alone, phase, name):
    stop = InPhase(PHASES[phase], name)
    with pytest.raises(Interrupted, match=f"stopped by {name}; ") as stopped:
        job(tmp_path, stop, **JOB).train()
    assert stopped.value.code == CODES[name]
    assert stop.batches == 2
    assert stop.after == 0
    assert not (tmp_path / "out" / "results.json").exists()
    assert_goes_on(tmp_path, alone)


def test_between_the_last_evaluation_and_the_next_sparsity(tmp_path, alone):
    """What was finished when the signal came is kept; the next sparsity has not begun."""
    two = {**JOB, "sparsities": [0.5, 0.8]}
    stop = InPhase(PHASES["the first label mapping"], "SIGTERM")
    with pytest.raises(Interrupted):
        job(tmp_path, AtSecondRun(stop), **two).train()
    assert weights(tmp_path) == alone
    updates = Updates()
    job(tmp_path, updates, **two).train()
    assert updates.count == 24


class AtSecondRun(Callback):
    """Lets a callback watch the second sparsity only."""

    def __init__(self, inner: InPhase) -> None:
        self.inner = inner

    def on_evaluation_batch(self, run: Run) -> None:
        if run.name == "80% sparsity":
            self.inner.on_evaluation_batch(run)


def assert_goes_on(folder: Path, expected: str) -> None:
    job(folder, **JOB).train()
    assert weights(folder) == expected
    assert not (folder / "out" / "checkpoints").exists()
