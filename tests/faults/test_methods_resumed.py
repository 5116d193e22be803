"""Every method goes on with the same bits wherever it is stopped: within rounds, searches and tuning, and between stages."""

from __future__ import annotations

import io
import json
import signal
from itertools import groupby

import pytest
import torch

from scripts.benchmarks.killed_job import run_job, weights_of
from tests.faults.interrupted import Updates, crashed_job, job, weights
from tests.methods.running import new_run, stages_of
from tests.training_helpers import dense_model
from vpns_hf.training import Callback, Run, TrainingStage, run_stages
from vpns_hf.training.distributed import process_states

pytestmark = pytest.mark.slow

# .8 ** 2 of the weights stay after two rounds.
SPARSITY = 0.36
IMP = {"epochs_per_round": 2, "imp_rewind_step": 3}  # in the second epoch
CHANNELS = {"granularity": "channel", "round_channels_to": 1}
METHODS = {
    "random": {},
    "omp": {"bn_recalibration": 1},
    "snip": {},
    "grasp": {},
    "synflow": {"epochs_per_round": 1, "rounds": 2},
    "imp": {},
    "imp, rewound to a step": IMP,
    "phew": {},
    "bip": {"find_mask_epochs": 2, "bip_gamma": 1.0},
    "hydra": {},
    "hydra, original": {"hydra_original": True},
    "omp, by SR-STE": {"granularity": "2:4", "sparsities": None, "sr_ste": 2e-4, "finetune_epochs": 2},
    "vpns, of channels": {"find_mask_epochs": 2, **CHANNELS},
    "bip, of channels": {"find_mask_epochs": 2, **CHANNELS},
}


class Stop(Exception):
    """Stands for the end of a process."""


class StopAt(Callback):
    """Keeps the state at the n-th moment at which a job may write a checkpoint, as a file would, and stops there."""

    def __init__(self, moment: int | None = None) -> None:
        self.moment, self.places, self.file = moment, [], io.BytesIO()

    def on_step_end(self, run, stage) -> None:
        self._pass(run, f"in {stage.name}")

    def on_epoch_end(self, run, record) -> None:
        self._pass(run, f"in {record.stage}")

    def on_stage_finished(self, run, stage) -> None:
        if not isinstance(stage, TrainingStage):
            self._pass(run, f"after {stage.name}")

    def _pass(self, run: Run, place: str) -> None:
        self.places.append(place)
        if len(self.places) == self.moment:
            torch.save([run.state_dict(), process_states(run.model, run.progress, run.accelerator)], self.file)
            raise Stop


def started(callback: Callback) -> Run:
    """A run that draws a place of the prompt for every batch."""
    return new_run(dense_model(visual_prompt="random", prompt_size=6), [callback])


def stages(name: str) -> list:
    return stages_of(name.split(",")[0], SPARSITY, **METHODS[name])


def outcome(run: Run) -> tuple[dict, list, object]:
    history = [{**vars(record), "seconds": None, "waiting": None} for record in run.history]
    return run.model.state_dict(), history, run.selected


def moments_of(places: list[str]) -> list[int]:
    """One moment, counted from 1, of each stage on its way, past its first iteration, and each that follows a stage."""
    groups = [[number for number, _ in group] for _, group in groupby(enumerate(places, 1), key=lambda pair: pair[1])]
    return [group[min(1, len(group) - 1)] for group in groups]


@pytest.mark.parametrize("name", METHODS)
def test_wherever_it_is_stopped(name):
    watch = StopAt()
    whole = started(watch)
    run_stages(whole, stages(name))
    expected, history, selected = outcome(whole)
    if name.startswith("imp"):
        assert {"in round", "after prune", "after rewind", "in finetune"} <= set(watch.places)
    for moment in moments_of(watch.places):
        stopped = StopAt(moment)
        with pytest.raises(Stop):
            run_stages(started(stopped), stages(name))
        stopped.file.seek(0)
        run = started(Callback())
        run.load_state_dict(*torch.load(stopped.file, weights_only=True))
        run_stages(run, stages(name))
        found, again, kept = outcome(run)
        assert [key for key in expected if not torch.equal(expected[key], found[key])] == [], (moment, watch.places)
        assert (again, kept) == (history, selected), moment


JOB = {"method": "imp", "sparsities": [SPARSITY], "finetune_epochs": 1, **IMP}


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("alone")
    job(folder, **JOB).train()
    return weights(folder, SPARSITY)


@pytest.mark.parametrize("update", [5, 20])
def test_a_job_that_crashes_in_a_round_goes_on_to_the_same_weights(tmp_path, alone, update):
    """In the first round before the state is kept that the second begins from, and in the second; of 6 updates an epoch."""
    crashed_job(tmp_path, update, **JOB)
    left = Updates()
    job(tmp_path, left, **JOB).train()
    assert left.count < 30
    assert weights(tmp_path, SPARSITY) == alone


KILLED = {
    **{"method": "imp", "sparsities": [SPARSITY], "imp_rewind_step": 1, "epochs_per_round": 1, "finetune_epochs": 1},
    **{"pretrain_epochs": 0, "dense_reference": False},
}
# Between two stages each that is finished is a moment: of the map, and of train, prune and rewind of the first round.
AFTER_MAP, AFTER_TRAIN, AFTER_PRUNE, AFTER_REWIND = range(4)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> tuple[dict[str, str], list[str]]:
    """The weights of a job that is left alone, and the places of its moments."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    assert run_job(folder, **KILLED) == 0
    return weights_of(folder), json.loads((folder / "moments.json").read_text())


@pytest.mark.parametrize("where", ["between prune and rewind", "in the second round"])
def test_killed_it_ends_with_the_same_bits(tmp_path, uninterrupted, where):
    expected, moments = uninterrupted
    between = [place for place, moment in enumerate(moments, 1) if moment.endswith("between stages")]
    if where == "between prune and rewind":
        moment = between[AFTER_REWIND]  # rewound, which no checkpoint tells of yet
    else:
        in_round = (place for place, name in enumerate(moments, 1) if name.endswith(": round"))
        moment = next(place for place in in_round if place > between[AFTER_REWIND] + 2)
    assert run_job(tmp_path, moment, **KILLED) == -signal.SIGKILL
    assert run_job(tmp_path, **KILLED) == 0
    assert weights_of(tmp_path) == expected
