"""Jobs whose tuning learns from the dense reference."""

from __future__ import annotations

import json
import signal

import pytest

from scripts.benchmarks.killed_job import run_job, weights_of
from tests.faults.interrupted import crashed_job, job, weights
from tests.helpers import forget_accelerator
from tests.training_helpers import tiny_arguments, tiny_trainer
from vpns_hf import InputError
from vpns_hf.methods import METHODS, Task, unused_options
from vpns_hf.methods.stages import FineTuneStage

JOB = {
    **{"method": "imp", "sparsities": [0.2, 0.36], "finetune_epochs": 1, "label_mapping": "frequency"},
    **{"dense_reference": True, "distill_alpha": 0.5, "distill_temperature": 2.0},
}


@pytest.mark.parametrize("method", METHODS)
def test_the_last_tuning_alone_is_taught(tmp_path, method):
    sparsity = 0.0 if method == "dense" else 0.5
    given = {"epochs_per_round": 1, "schedule": "geometric", "rounds": 2}
    args = tiny_arguments(tmp_path, **{**JOB, **given, "method": method, "sparsities": [sparsity]})
    stages = METHODS[method].stages(args, Task(sparsity, images=40, classes=3))
    taught = [stage for stage in stages if isinstance(stage, FineTuneStage) and stage.taught_passes]
    assert taught == stages[-1:]
    assert taught[0].taught_passes == 2


def test_the_plan_tells_the_passes_of_the_teacher_apart(tmp_path):
    plan = str(tiny_trainer(tmp_path, **JOB).plan())
    assert "Teacher: the dense reference, forward alone, so many passes more: 2 at 20%, 2 at 36%\n" in plan
    assert "4 (2 rounds, 2 tuning) at 20%" in plan
    assert "Teacher" not in str(tiny_trainer(tmp_path, **{**JOB, "distill_alpha": 0}).plan())


def test_without_a_teacher_its_temperature_has_no_effect(tmp_path):
    assert "distill_temperature" in unused_options("omp", tiny_arguments(tmp_path))
    assert "distill_temperature" not in unused_options("imp", tiny_arguments(tmp_path, **JOB))


def test_a_teacher_that_is_not_trained(tmp_path):
    with pytest.raises(
        InputError, match=r"^distill_alpha is 0\.5, but there is no dense reference to learn from; [^\n]*$"
    ):
        tiny_arguments(tmp_path, **{**JOB, "dense_reference": False})


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("alone")
    job(folder, **JOB).train()
    return [weights(folder, sparsity) for sparsity in JOB["sparsities"]]


@pytest.mark.slow
def test_a_teacher_has_a_part_in_the_weights_of_each_sparsity(tmp_path, alone):
    job(tmp_path, **{**JOB, "distill_alpha": 0.0}).train()
    assert all(weights(tmp_path, sparsity) != other for sparsity, other in zip(JOB["sparsities"], alone, strict=True))


# The references take 12 and 18 updates, the first sparsity 12 and the second 18, the last 6 of each in tuning.
@pytest.mark.slow
@pytest.mark.parametrize("update", [20, 57])
def test_a_job_that_crashes_goes_on_with_the_same_teachers(tmp_path, alone, update):
    crashed_job(tmp_path, update, **JOB)
    job(tmp_path, **JOB).train()
    assert [weights(tmp_path, sparsity) for sparsity in JOB["sparsities"]] == alone


@pytest.mark.slow
def test_killed_while_it_is_taught_it_ends_with_the_same_bits(tmp_path):
    job = {**JOB, "method": "omp", "sparsities": [0.36], "pretrain_epochs": 0}
    for name in ("alone", "killed"):
        (tmp_path / name).mkdir()
    assert run_job(tmp_path / "alone", **job) == 0
    moments = json.loads((tmp_path / "alone" / "moments.json").read_text())
    in_tuning = [place for place, moment in enumerate(moments, 1) if moment.startswith("36%") and "finetune" in moment]
    assert run_job(tmp_path / "killed", in_tuning[len(in_tuning) // 2], **job) == -signal.SIGKILL
    assert run_job(tmp_path / "killed", **job) == 0
    assert weights_of(tmp_path / "killed") == weights_of(tmp_path / "alone")


@pytest.mark.slow
def test_a_finished_job_that_is_extended_trains_its_teacher_again(tmp_path):
    both, one = ({**JOB, "method": "omp", "sparsities": sparsities} for sparsities in ([0.3, 0.6], [0.3]))
    job(tmp_path / "once", **both).train()
    job(tmp_path / "twice", **one).train()
    forget_accelerator()
    job(tmp_path / "twice", **both).train()
    assert weights(tmp_path / "twice", 0.6) == weights(tmp_path / "once", 0.6)
