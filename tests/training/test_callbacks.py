from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
import torch

from tests.training_helpers import dense_model, make_run, random_batches
from vpns_hf.methods.stages import FineTuneStage, Prune
from vpns_hf.pruning import Pruner
from vpns_hf.pruning.criteria import Scores, ScoringContext, magnitude
from vpns_hf.reporting import EpochRecord, ViewAccuracy, ViewLoss
from vpns_hf.training import (
    Callback,
    LoggingCallback,
    ProgressCallback,
    Run,
    SGDSpec,
    TrackingCallback,
    callbacks,
    run_stages,
    train,
)

RECORD = EpochRecord("finetune", 1, ViewLoss(0.5, 0.7), 0.9, 0.01, 1.5, ViewAccuracy(0.25, 0.75))


class FakeBar:
    """Draws at every second update, as a bar with a minimal interval would."""

    def __init__(self, **settings: object) -> None:
        self.settings, self.count, self.shown, self.closed = settings, 0, [], False

    def update(self) -> bool:
        self.count += 1
        return self.count % 2 == 0

    def set_postfix(self, values: dict, refresh: bool = True) -> None:
        self.shown.append(dict(values))

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def bars(monkeypatch) -> list[FakeBar]:
    made: list[FakeBar] = []

    def make(**settings: object) -> FakeBar:
        made.append(FakeBar(**settings))
        return made[-1]

    monkeypatch.setattr(callbacks, "tqdm", make)
    return made


def test_one_bar_per_stage_counts_every_update(bars):
    run = make_run(dense_model(), random_batches(3), random_batches(3), recorder=ProgressCallback())
    run.name = "70% sparsity"
    train(run, FineTuneStage(2, SGDSpec(0.01, 0.01, 0.9, 0.0)))
    [bar] = bars
    assert bar.settings["total"] == bar.count == 2 * 2 * 3
    assert bar.settings["desc"] == "70% sparsity: finetune"
    assert bar.settings["disable"] is False
    assert bar.closed


def test_the_bar_shows_loss_accuracy_and_sparsity(bars):
    progress = ProgressCallback()
    run = make_run(dense_model(), random_batches(1), random_batches(1))
    stage = FineTuneStage(1, SGDSpec(0.01, 0.01, 0.9, 0.0))
    progress.on_stage_begin(run, stage)
    for loss in (1.0, 2.0):
        progress.on_update(run, stage, stage.updates[0], torch.tensor(loss))
    progress.on_epoch_end(run, RECORD)
    assert bars[0].shown == [
        {"sparsity": "0.0%", "loss": "2.000"},
        {"sparsity": "90.0%", "accuracy": "0.250 prompted, 0.750 plain", "loss": "0.600"},
    ]


def test_an_epoch_that_was_not_validated_has_no_accuracy(bars):
    progress = ProgressCallback()
    run = make_run(dense_model(), random_batches(1), random_batches(1))
    progress.on_stage_begin(run, FineTuneStage(1, SGDSpec(0.0, 0.0, 0.0, 0.0)))
    progress.on_epoch_end(run, EpochRecord("pretrain", 1, ViewLoss(None, 0.5), 0.0, 0.01, 1.0))
    assert bars[0].shown == [{"sparsity": "0.0%", "accuracy": "-", "loss": "0.500"}]


@pytest.mark.parametrize(
    ("disable", "main", "hidden"), [(False, True, False), (True, True, True), (False, False, True)]
)
def test_the_bar_is_shown_by_the_main_process_unless_switched_off(bars, disable, main, hidden):
    run = make_run(dense_model(), random_batches(1), random_batches(1))
    run.accelerator = SimpleNamespace(is_main_process=main)
    ProgressCallback(disable).on_stage_begin(run, FineTuneStage(1, SGDSpec(0.0, 0.0, 0.0, 0.0)))
    assert bars[0].settings["disable"] is hidden


LINE = "dense reference: finetune, epoch 1 of 3: loss 0.600, accuracy 0.250 prompted, 0.750 plain"


def ranking_run(recorder: Callback) -> Run:
    batches = random_batches(3)
    return make_run(dense_model(), batches, batches, recorder=recorder, balanced=lambda _: batches)


class Reading:
    """Reads its batches as often as it is told."""

    def __init__(self, times: int) -> None:
        self.times = times

    def __call__(self, context: ScoringContext) -> Scores:
        for _ in range(self.times):
            for _batch in context.batches():
                pass
        return magnitude(context)


def test_a_ranking_counts_the_batches_it_reads(bars):
    run = ranking_run(ProgressCallback())
    run.name = "70% sparsity"
    run_stages(run, [Prune(Reading(2), Pruner(), [0.7], images_per_class=1)])
    [bar] = bars
    assert (bar.settings["desc"], bar.settings["unit"], bar.count) == ("70% sparsity: prune", "batch", 6)
    assert bar.closed


def test_a_ranking_in_rounds_counts_the_rounds(bars):
    run_stages(ranking_run(ProgressCallback()), [Prune(Reading(1), Pruner(), [0.2, 0.4, 0.6], images_per_class=1)])
    [bar] = bars
    assert (bar.settings["total"], bar.settings["unit"], bar.count) == (3, "round", 3)


def test_the_log_says_what_a_ranking_took(caplog):
    caplog.set_level(logging.INFO)
    run = ranking_run(LoggingCallback(worth_a_line=0))
    run_stages(run, [Prune(Reading(2), Pruner(), [0.3], images_per_class=1), Prune(Reading(0), Pruner(), [0.4, 0.5])])
    read, rounds = caplog.messages
    assert read.startswith("prune: 6 batches read in ")
    assert rounds.startswith("prune: 2 rounds in ")


def test_what_is_ranked_at_once_by_no_data_is_not_worth_a_line(caplog):
    caplog.set_level(logging.INFO)
    run_stages(ranking_run(LoggingCallback(worth_a_line=0)), [Prune(magnitude, Pruner(), [0.3])])
    assert not caplog.messages


@pytest.mark.parametrize(("main", "lines"), [(True, [LINE]), (False, [])])
def test_the_main_process_logs_one_line_per_epoch(caplog, main, lines):
    caplog.set_level(logging.INFO, logger="vpns_hf")
    run = SimpleNamespace(
        accelerator=SimpleNamespace(is_main_process=main),
        **{"name": "dense reference", "finished": 0, "stage": SimpleNamespace(epochs=3)},
    )
    LoggingCallback().on_epoch_end(run, RECORD)
    assert caplog.messages == lines


def test_trackers_get_what_was_measured():
    logged = []
    accelerator = SimpleNamespace(log=lambda values, step: logged.append((step, values)))
    run, tracking = SimpleNamespace(accelerator=accelerator, name="90% sparsity"), TrackingCallback()
    tracking.on_epoch_end(run, RECORD)
    tracking.on_epoch_end(run, EpochRecord("pretrain", 1, ViewLoss(None, 0.5), 0.0, 0.01, 1.0))
    prefix = "90-sparsity/finetune"
    assert logged[0] == (
        1,
        {
            f"{prefix}/loss_prompted": 0.5,
            f"{prefix}/loss_plain": 0.7,
            f"{prefix}/accuracy_prompted": 0.25,
            f"{prefix}/accuracy_plain": 0.75,
            f"{prefix}/learning_rate": 0.01,
            f"{prefix}/sparsity": 0.9,
        },
    )
    step, values = logged[1]
    assert step == 2
    assert set(values) == {f"90-sparsity/pretrain/{name}" for name in ("loss_plain", "learning_rate", "sparsity")}


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("dense reference", "dense-reference/finetune"),
        ("pre-training", "pre-training/finetune"),
        ("95.5% sparsity", "95.5-sparsity/finetune"),
        ("", "finetune"),
    ],
)
def test_figures_of_different_runs_do_not_meet(name, prefix):
    logged = {}
    accelerator = SimpleNamespace(log=lambda values, step: logged.update(values))
    TrackingCallback().on_epoch_end(SimpleNamespace(accelerator=accelerator, name=name, sparsity=0.0), RECORD)
    assert {figure.rpartition("/")[0] for figure in logged} == {prefix}
