"""The accuracy of a network on its way, which leaves no trace in it."""

from __future__ import annotations

import json

import pytest
import torch

from tests.helpers import same
from tests.methods.running import PRUNING, new_run, stages_of
from tests.training_helpers import dense_model, tiny_trainer
from vpns_hf.methods.stages import MEASURED, Measure
from vpns_hf.reporting import Results
from vpns_hf.training import Run, evaluate_views, run_stages
from vpns_hf.training.distributed import generator_states

pytestmark = pytest.mark.slow  # models are trained


def started() -> Run:
    """A run that draws a place of the prompt for every batch."""
    return new_run(dense_model(visual_prompt="random", prompt_size=6))


@pytest.mark.parametrize("method", PRUNING)
def test_every_method_measures_what_its_mask_leaves(method):
    stages = stages_of(method, bn_recalibration=1)
    assert [stage.moment for stage in stages if isinstance(stage, Measure)] == ["masked", "recalibrated"]


@pytest.mark.parametrize("method", ["vpns", "bip", "imp", "omp"])
def test_the_run_goes_on_as_if_nothing_had_been_measured(method):
    with_measuring = started()
    run_stages(with_measuring, stages_of(method, bn_recalibration=1))
    without = started()  # seeds the generators
    run_stages(without, [stage for stage in stages_of(method, bn_recalibration=1) if not isinstance(stage, Measure)])
    assert list(with_measuring.kept[MEASURED]) == ["masked", "recalibrated"]
    assert MEASURED not in without.kept
    assert same(with_measuring.model.state_dict(), without.model.state_dict())


def test_the_accuracy_is_that_of_the_network_at_the_time():
    stages = stages_of("omp")
    [place] = [place for place, stage in enumerate(stages) if isinstance(stage, Measure)]
    stopped, whole = started(), started()
    run_stages(stopped, stages[:place])
    expected = evaluate_views(stopped.model, stopped.data.validation, stopped.accelerator).accuracy
    run_stages(whole, stages)
    assert whole.kept[MEASURED] == {"masked": vars(expected)}


def test_generators_and_mode_are_as_before():
    class Drawing(list):
        def __iter__(self):
            torch.rand(1)
            return super().__iter__()

    run = started()
    run.data = type(run.data)(**{**vars(run.data), "validation": Drawing(run.data.validation)})
    run.model.train()
    before = generator_states(run.accelerator.device)["torch"]
    Measure("masked").apply(run)
    assert torch.equal(generator_states(run.accelerator.device)["torch"], before)
    assert run.model.training
    assert run.kept[MEASURED]["masked"]["plain"] >= 0


def test_the_paper_has_nothing_to_measure_on():
    assert not [stage for stage in stages_of("vpns", paper_protocol=True) if isinstance(stage, Measure)]


def test_what_the_results_say(tmp_path):
    tiny_trainer(tmp_path, bn_recalibration=1).train()
    file = tmp_path / "out/results.json"
    [written] = json.loads(file.read_text())["runs"]
    after = written["validation_after"]
    assert after["tuned"] == written["validation"]
    for moment in ("masked", "recalibrated"):
        assert all(0 <= after[moment][view] <= 1 for view in ("prompted", "plain"))
    assert Results.load(file).runs[0].validation_after.tuned == Results.load(file).runs[0].validation
    assert all(written["seconds"][stage] > 0 for stage in ("measure", "bn_recalibration"))


def test_a_mask_without_tuning_is_applied_as_the_validation_split_chose(tmp_path):
    trainer = tiny_trainer(tmp_path, find_mask_epochs=3, finetune_epochs=0)
    trainer.train()
    [run] = Results.load(tmp_path / "out/results.json").runs
    assert run.validation == run.validation_after.masked == run.validation_after.tuned
    assert run.prompt_at_inference == (run.validation.prompted > run.validation.plain)
    assert trainer.models[0.5].config.prompt_at_inference == run.prompt_at_inference


def test_the_results_of_the_paper_say_nothing(tmp_path):
    tiny_trainer(tmp_path, paper_protocol=True).train()
    [written] = json.loads((tmp_path / "out/results.json").read_text())["runs"]
    assert written["validation_after"] is None
