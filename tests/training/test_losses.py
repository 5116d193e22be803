"""A loss that is not finite stops the run and says where it was; the host does not wait for values in between."""

from __future__ import annotations

import math

import pytest

from tests.helpers import refusal
from tests.training_helpers import Recorder, dense_model, make_run, random_batches
from vpns_hf import InputError
from vpns_hf.methods.stages import FindMaskStage, FineTuneStage
from vpns_hf.pruning.criteria import scaled_weight
from vpns_hf.training import AdamSpec, SGDSpec, SkipNonFinite, Stepping, train
from vpns_hf.training import losses as epoch_losses

SGD = SGDSpec(learning_rate=0.01, prompt_learning_rate=0.1, momentum=0.9, weight_decay=0.01)
ADAM = AdamSpec(1e-2, 1e-2, 1e-4)


def with_nan(batches, index):
    batches[index].pixel_values[0, 0, 0, 0] = math.nan
    return batches


@pytest.mark.parametrize("stage", [FindMaskStage(2, ADAM, scaled_weight, 0.5), FineTuneStage(2, SGD)])
def test_the_first_bad_step_is_named_with_its_images(stage):
    run = make_run(dense_model(), random_batches(4), with_nan(random_batches(4, seed=1), 2))
    assert refusal(train, run, stage).startswith(
        f"the loss of the plain pictures is not finite in step 3 of epoch 1 of {stage.name} "
        "(rows 200, 201, 202, 203 of the train split): training diverged; lower the learning rates"
    )


def test_many_images_are_counted():
    run = make_run(dense_model(), with_nan(random_batches(1, size=11), 0), random_batches(1, size=11))
    with pytest.raises(InputError, match=r"\(rows 0, 1, 2, 3, 4, 5, 6, 7 of the train split and 3 more\)"):
        train(run, FineTuneStage(1, SGD))


def test_a_long_epoch_is_not_finished_first(monkeypatch):
    monkeypatch.setattr(epoch_losses, "LOOK_EVERY", 4)
    recorder = Recorder()
    run = make_run(dense_model(), with_nan(random_batches(9), 0), random_batches(9, seed=1), recorder=recorder)
    with pytest.raises(InputError, match="step 1 of epoch 1"):
        train(run, FineTuneStage(1, SGD))
    assert len(recorder.losses) == 3  # the fourth update's callback comes after the look


def test_when_every_update_is_left_out_the_run_stops():
    batches = random_batches(2)
    for index in (0, 1):
        with_nan(batches, index)
    run = make_run(dense_model(), batches, random_batches(2, seed=1))
    run.stepping = Stepping(non_finite=SkipNonFinite())
    with pytest.raises(InputError, match="no loss of the prompted pictures was finite in epoch 1 of finetune"):
        train(run, FineTuneStage(1, SGD))


def test_other_errors_stay_what_they_are():
    class Broken(FineTuneStage):
        def after_update(self, run):
            raise InputError("something else")

    run = make_run(dense_model(), random_batches(1), random_batches(1, seed=1))
    with pytest.raises(InputError, match="something else"):
        train(run, Broken(1, SGD))
