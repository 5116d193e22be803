"""Two runs of three training stages of 4, 2 and 2 passes, by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.training_helpers import Clock, dense_model, make_run, random_batches
from vpns_hf.label_mapping import FrequencyMapping
from vpns_hf.methods.stages import FineTuneStage, FitLabelMapping
from vpns_hf.training import Agenda, LoggingCallback, SGDSpec, run_stages

SGD = SGDSpec(0.01, 0.01, 0.9, 0.0)


def stages() -> dict:
    return {
        "dense reference": [FitLabelMapping(FrequencyMapping(7)), FineTuneStage(2, SGD)],
        "50% sparsity": [FineTuneStage(1, SGD), FineTuneStage(1, SGD)],
    }


def at(name: str, finished: int, epoch: int = 1, step: int = 0) -> SimpleNamespace:
    """A run of three steps an epoch, at a place."""
    stage, batches = stages()[name][finished], [None] * 3
    data = SimpleNamespace(prompted=batches, plain=batches)
    return SimpleNamespace(
        name=name, finished=finished, stage=stage, data=data, progress=SimpleNamespace(epoch=epoch, step=step)
    )


def test_the_place_counts_the_stages_that_train():
    agenda = Agenda(stages())
    assert agenda.place(at("dense reference", 1)) == "stage 1 of 3"
    assert agenda.place(at("50% sparsity", 1)) == "stage 3 of 3"
    assert Agenda().place(at("50% sparsity", 1)) == ""


def test_the_rest_takes_as_long_as_what_was_made():
    clock = Clock()
    agenda = Agenda(stages(), clock)
    assert agenda.left(at("dense reference", 1)) is None
    agenda.begin(at("dense reference", 1))
    assert agenda.left(at("dense reference", 1)) is None  # nothing was made yet
    clock.now += 30
    assert agenda.left(at("dense reference", 1, epoch=2)) == pytest.approx(30 * 6 / 2)
    assert agenda.left(at("dense reference", 1, epoch=2, step=1)) == pytest.approx(30 * (8 - 2 - 2 / 3) / (2 + 2 / 3))
    clock.now += 30
    assert agenda.left(at("50% sparsity", 0)) == pytest.approx(60 * 4 / 4)
    assert agenda.left(at("50% sparsity", 1, epoch=2)) == 0
    assert agenda.elapsed == 60


def test_what_an_earlier_process_made_tells_nothing_of_the_pace():
    clock = Clock()
    agenda = Agenda(stages(), clock)
    agenda.begin(at("50% sparsity", 0))
    clock.now += 10
    agenda.begin(at("50% sparsity", 1))  # the clock goes on
    assert agenda.left(at("50% sparsity", 1)) == pytest.approx(10 * 2 / 2)


def test_a_line_for_each_epoch_says_place_and_times(caplog):
    clock = Clock()
    run = make_run(
        dense_model(), random_batches(1), random_batches(1), recorder=LoggingCallback(Agenda(stages(), clock))
    )
    run.name = "50% sparsity"
    caplog.set_level("INFO", logger="vpns_hf.training.callbacks")
    run_stages(run, stages()["50% sparsity"])
    first, second = caplog.messages
    assert first.startswith("50% sparsity: finetune (stage 2 of 3), epoch 1 of 1: loss ")
    assert first.endswith("; 00:00 so far, about 00:00 left")
    assert "(stage 3 of 3)" in second


def test_what_is_finished_is_not_waited_for():
    clock = Clock()
    agenda = Agenda({**stages(), "70% sparsity": [FineTuneStage(1, SGD)]}, clock)
    agenda.leave_out(["50% sparsity"])
    agenda.begin(at("dense reference", 1))
    clock.now += 30
    assert agenda.left(at("dense reference", 1, epoch=2)) == pytest.approx(30 * (2 + 2) / 2)
    assert agenda.place(at("50% sparsity", 1)) == "stage 3 of 4"
