from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.helpers import copied, same
from tests.training_helpers import Recorder, dense_model, make_run, random_batches, script_accuracies
from vpns_hf.data.batches import EarlyTrainBatches
from vpns_hf.methods.stages import FindMaskStage, FineTuneStage, PretrainStage
from vpns_hf.pruning.criteria import scaled_weight
from vpns_hf.reporting import ViewAccuracy
from vpns_hf.training import AdamSpec, BestOnValidation, Callback, SGDSpec, train

ADAM = AdamSpec(0.4, 0.2, 0.0)
SGD = SGDSpec(learning_rate=0.01, prompt_learning_rate=0.5, momentum=0.9, weight_decay=1e-4)
# (1 + cos(pi * epoch / 4)) / 2 for epochs 0 to 3.
COSINE = [1.0, 0.8535534, 0.5, 0.1464466]


class Events(Callback):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_stage_begin(self, run, stage) -> None:
        self.seen.append(f"begin {stage.name}")

    def on_update(self, run, stage, update, loss) -> None:
        self.seen.append(update.view)

    def on_epoch_end(self, run, record) -> None:
        self.seen.append(f"epoch {record.epoch}")

    def on_stage_end(self, run, stage) -> None:
        self.seen.append(f"end {stage.name}")


def test_the_events_come_in_order():
    events = Events()
    run = make_run(dense_model(), random_batches(2), random_batches(2), recorder=events)
    train(run, FindMaskStage(2, ADAM, scaled_weight, 0.5))
    epoch = ["prompted", "plain"] * 2
    assert events.seen == ["begin find_mask", *epoch, "epoch 1", *epoch, "epoch 2", "end find_mask"]


class Begun(EarlyTrainBatches):
    """Writes down what is begun."""

    def __init__(self, batches, seen: list[str]) -> None:
        super().__init__(batches)
        self.seen = seen

    def begin(self, epoch: int) -> None:
        self.seen.append(f"next {epoch}")
        super().begin(epoch)


def test_the_next_epoch_is_begun_before_the_evaluation():
    events, batches = Events(), random_batches(2)
    run = make_run(dense_model(), batches, batches, recorder=events)
    run.data = replace(run.data, plain=Begun(run.data.plain, events.seen))
    train(run, FindMaskStage(3, ADAM, scaled_weight, 0.5))
    rest = [event for event in events.seen if event not in ("prompted", "plain")]
    assert rest == ["begin find_mask", "next 2", "epoch 1", "next 3", "epoch 2", "epoch 3", "end find_mask"]
    assert len(events.seen) - len(rest) == 12


def test_the_learning_rate_falls_along_a_cosine_once_per_epoch():
    run = make_run(dense_model(), random_batches(3), random_batches(3))
    train(run, FindMaskStage(4, ADAM, scaled_weight, 0.5))
    train(run, FineTuneStage(4, SGD))
    rates = [record.learning_rate for record in run.history]
    assert rates == pytest.approx([0.4 * share for share in COSINE] + [0.01 * share for share in COSINE], rel=1e-6)


def test_the_prompt_has_a_learning_rate_of_its_own_along_the_same_cosine():
    rates = []

    class Watched(FineTuneStage):
        def build_optimizers(self, model):
            self.built = super().build_optimizers(model)
            return self.built

        def before_epoch(self, run, epoch):
            [optimizer] = self.built.values()
            rates.append([group["lr"] for group in optimizer.param_groups])

    run = make_run(dense_model(), random_batches(1), random_batches(1))
    train(run, Watched(4, SGD))
    assert [pair[0] for pair in rates] == pytest.approx([0.01 * share for share in COSINE])
    assert [pair[1] for pair in rates] == pytest.approx([0.5 * share for share in COSINE])


def test_the_recorded_loss_is_the_mean_over_the_updates_of_each_view():
    recorder = Recorder()
    run = make_run(dense_model(), random_batches(3), random_batches(3, seed=1), recorder=recorder)
    train(run, FindMaskStage(2, ADAM, scaled_weight, 0.5))
    first, second = recorder.losses[:6], recorder.losses[6:]
    for record, losses in zip(run.history, (first, second), strict=True):
        assert record.loss.prompted == pytest.approx(sum(losses[0::2]) / 3, rel=1e-6)
        assert record.loss.plain == pytest.approx(sum(losses[1::2]) / 3, rel=1e-6)


def test_a_stage_with_plain_updates_has_no_prompted_loss():
    recorder = Recorder()
    run = make_run(dense_model(), [], random_batches(3), recorder=recorder)
    train(run, PretrainStage(1, SGD))
    assert run.history[0].loss.prompted is None
    assert run.history[0].loss.plain == pytest.approx(sum(recorder.losses) / 3, rel=1e-6)


def test_streams_of_different_length_are_an_error():
    run = make_run(dense_model(), random_batches(2), random_batches(3))
    with pytest.raises(ValueError, match="longer"):
        train(run, FindMaskStage(1, ADAM, scaled_weight, 0.5))


def test_what_an_epoch_records():
    run = make_run(dense_model(), random_batches(2), random_batches(2))
    train(run, FindMaskStage(1, ADAM, scaled_weight, 0.75))
    train(run, FineTuneStage(2, SGD))
    assert [(record.stage, record.epoch) for record in run.history] == [
        ("find_mask", 1),
        ("finetune", 1),
        ("finetune", 2),
    ]
    assert {record.sparsity for record in run.history} == {run.model.sparsity}
    assert all(record.validation is None for record in run.history)
    assert set(run.seconds) == {"find_mask", "finetune"}
    assert run.seconds["finetune"] >= sum(record.seconds for record in run.history[1:]) > 0


def test_every_epoch_is_validated():
    run = make_run(dense_model(), random_batches(2), random_batches(2), validation=random_batches(2))
    train(run, FineTuneStage(2, SGD, BestOnValidation()))
    for record in run.history:
        assert 0 <= record.validation.prompted <= 1
        assert 0 <= record.validation.plain <= 1


def test_the_best_epoch_on_validation_is_kept(monkeypatch):
    script = [(0.1, 0.2), (0.3, 0.9), (0.9, 0.1), (0.8, 0.7)]  # (prompted, plain): 0.9 is reached twice
    script_accuracies(monkeypatch, *(ViewAccuracy(*views) for views in script))
    states = []

    class KeepStates(Callback):
        def on_epoch_end(self, run, record) -> None:
            states.append(copied(run.model.state_dict()))

    run = make_run(
        dense_model(), random_batches(2), random_batches(2), validation=random_batches(1), recorder=KeepStates()
    )
    train(run, FineTuneStage(4, SGD, BestOnValidation()))
    assert run.selected.epoch == 3  # of equals the last
    assert run.selected.validation == ViewAccuracy(0.9, 0.1)
    kept = run.model.state_dict()
    assert same(states[2], kept)
    assert any(not torch.equal(value, kept[key]) for key, value in states[3].items())


def test_the_model_is_handed_back_unwrapped():
    model = dense_model()
    run = make_run(model, random_batches(1), random_batches(1))
    forward = model.forward
    train(run, FineTuneStage(1, SGD))
    assert run.model is model
    assert run.model.forward == forward
