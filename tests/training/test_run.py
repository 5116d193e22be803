"""A run that is stopped after any iteration and taken up in a new one ends with the same bits."""

from __future__ import annotations

import copy
import io

import pytest
import torch

from tests.helpers import copied
from tests.training_helpers import dense_model, make_run, random_batches
from vpns_hf.label_mapping import LABEL_MAPPINGS
from vpns_hf.methods.stages import FindMaskStage, FineTuneStage, FitLabelMapping
from vpns_hf.pruning.criteria import scaled_weight
from vpns_hf.reporting import ViewAccuracy
from vpns_hf.training import AdamSpec, BestOnValidation, Callback, Run, SelectedEpoch, SGDSpec, run_stages
from vpns_hf.training.distributed import process_states


class Stop(Exception):
    """Stands for the end of a process."""


class Saving(Callback):
    """Saves the state at every iteration and evaluated batch: what is left of a process that ends there."""

    def __init__(self) -> None:
        self.files: list[io.BytesIO] = []

    def on_step_end(self, run, stage) -> None:
        self._save(run)

    def on_evaluation_batch(self, run) -> None:
        if run.progress is not None:
            self._save(run)

    def on_epoch_end(self, run, record) -> None:
        self._save(run)

    def _save(self, run: Run) -> None:
        self.files.append(io.BytesIO())
        torch.save([run.state_dict(), process_states(run.model, run.progress, run.accelerator)], self.files[-1])

    def load(self, moment: int) -> tuple[dict, list[dict]]:
        """The state of all processes and those of each."""
        self.files[moment].seek(0)
        return tuple(torch.load(self.files[moment], weights_only=True))


def stages() -> list:
    mapping = LABEL_MAPPINGS["iterative"](0)
    adam, sgd = AdamSpec(0.05, 0.2, 1e-4), SGDSpec(0.05, 0.5, 0.9, 1e-4)
    return [
        FitLabelMapping(mapping, 0.6),
        FindMaskStage(2, adam, scaled_weight, 0.6, label_mapping=mapping),
        FineTuneStage(2, sgd, BestOnValidation()),
    ]


def new_run(callback: Callback) -> Run:
    torch.manual_seed(5)
    model = dense_model(visual_prompt="random", prompt_size=6)  # draws a place for every batch
    batches = {
        "prompted": random_batches(2),
        "plain": random_batches(2, seed=1),
        "validation": random_batches(2, seed=2),
    }
    run = make_run(model, recorder=callback, **batches)
    torch.manual_seed(6)
    return run


def state_of(run: Run, done: list) -> dict:
    return {
        **run.model.state_dict(),
        **{f"kept.{key}": value for key, value in done[-1].selection.state_dict()["model"].items()},
    }


@pytest.fixture(scope="module")
def uninterrupted() -> tuple[Run, list, Saving]:
    saved, done = Saving(), stages()
    run = new_run(saved)
    run_stages(run, done)
    return run, done, saved


@pytest.mark.slow
def test_wherever_it_is_stopped(uninterrupted):
    whole, done, saved = uninterrupted
    expected = state_of(whole, done)
    assert len(saved.files) == 30
    for moment in range(30):
        run, again = new_run(Callback()), stages()
        run.load_state_dict(*saved.load(moment))
        run_stages(run, again)
        found = state_of(run, again)
        assert expected.keys() == found.keys()
        assert [key for key in expected if not torch.equal(expected[key], found[key])] == [], moment
        assert without_seconds(run) == without_seconds(whole), moment
        assert run.selected == whole.selected
        assert run.selected.epoch is not None


def test_which_epoch_was_kept_is_known_to_stages_that_follow_the_one_that_selects():
    chosen = SelectedEpoch(3, ViewAccuracy(0.5, 0.25))
    first, second = new_run(Callback()), new_run(Callback())
    first.selected = chosen
    second.load_state_dict(first.state_dict(), process_states(first.model, None, first.accelerator))
    assert second.selected == chosen
    first.selected = None
    second.load_state_dict(first.state_dict(), process_states(first.model, None, first.accelerator))
    assert second.selected is None


def without_seconds(run: Run) -> list[dict]:
    return [{**vars(record), "seconds": None, "waiting": None} for record in run.history]


def test_time_that_was_spent_is_counted(uninterrupted):
    state, states = uninterrupted[2].load(2)
    state["seconds"]["find_mask"], state["progress"]["seconds"], state["progress"]["waiting"] = 1000.0, 500.0, 400.0
    run = new_run(Callback())
    run.load_state_dict(state, states)
    run_stages(run, stages())
    assert 1000 <= run.seconds["find_mask"] < 1500
    assert run.history[0].seconds >= 500 > run.history[1].seconds
    assert run.history[0].seconds > run.history[0].waiting >= 400 > run.history[1].waiting > 0


def test_another_number_of_processes_goes_on_from_the_mean(uninterrupted):
    state, [one] = uninterrupted[2].load(2)
    other = copy.deepcopy(one)
    other["sums"] = {view: value + 2 for view, value in one["sums"].items()}

    class First(Callback):
        def on_stage_begin(self, run, stage) -> None:
            self.sums = copied(run.progress.sums)
            raise Stop

    run = new_run(first := First())
    run.load_state_dict(state, [one, other])
    with pytest.raises(Stop):
        run_stages(run, stages())
    assert {view: value.item() for view, value in first.sums.items()} == pytest.approx(
        {view: value.item() + 1 for view, value in one["sums"].items()}
    )
