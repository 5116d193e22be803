"""Which epoch is kept belongs to the stage that selects: of two rounds, the last says what becomes of the model."""

from __future__ import annotations

import json

import pytest

from tests.methods.running import new_run, ran
from tests.training_helpers import script_accuracies, tiny_trainer
from vpns_hf.methods import METHODS, Method
from vpns_hf.methods.parts import label_mapping_of
from vpns_hf.methods.stages import FineTuneStage, FitLabelMapping, Prune
from vpns_hf.pruning import Pruner
from vpns_hf.pruning.criteria import magnitude
from vpns_hf.reporting import ViewAccuracy
from vpns_hf.training import BestOnValidation, LastEpoch, SGDSpec, Stage

SGD = SGDSpec(0.05, 0.05, 0.9, 1e-4)
MORE_ACCURATE_FIRST = [0.9, 0.8, 0.2, 0.1]


@pytest.fixture
def scripted(monkeypatch) -> None:
    """The accuracies on the validation split, epoch by epoch."""
    script_accuracies(monkeypatch, *(ViewAccuracy(None, plain) for plain in MORE_ACCURATE_FIRST))


def two_rounds() -> list[Stage]:
    return [
        Prune(magnitude, Pruner(), [0.5]),
        FineTuneStage(2, SGD, BestOnValidation()),
        Prune(magnitude, Pruner(), [0.9]),
        FineTuneStage(2, SGD, BestOnValidation()),
    ]


def test_a_more_accurate_first_round_is_not_what_is_kept(scripted):
    run = ran(two_rounds())
    assert run.model.sparsity == pytest.approx(0.9, abs=1e-3)
    assert (run.selected.epoch, run.selected.validation) == (1, ViewAccuracy(None, 0.2))


def test_a_stage_that_selects_nothing_keeps_its_last_epoch():
    stage = FineTuneStage(2, SGD)
    assert isinstance(stage.selection, LastEpoch)
    run = ran([stage])
    assert run.selected.epoch == 2
    assert new_run().selected is None


@pytest.mark.slow
def test_a_job_saves_the_last_round(tmp_path, scripted, monkeypatch):
    monkeypatch.setitem(
        METHODS, "omp", Method(lambda options, task: [FitLabelMapping(label_mapping_of(options)), *two_rounds()])
    )
    trainer = tiny_trainer(tmp_path, method="omp", sparsities=[0.9])
    trainer.train()
    [run] = json.loads((tmp_path / "out" / "results.json").read_text())["runs"]
    assert trainer.models[0.9].sparsity == run["sparsity"] == pytest.approx(0.9, abs=1e-3)
    assert (run["epoch"], run["validation"]["plain"]) == (1, 0.2)
