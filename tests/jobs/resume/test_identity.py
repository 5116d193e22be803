"""What a job was asked for, and what of it is finished."""

from __future__ import annotations

import pytest
import torch

from tests.helpers import refusal
from vpns_hf.errors import InputError
from vpns_hf.jobs.resume import Job, identity_of

OPTIONS = {"seed": 7, "sparsities": [0.4, 0.7], "output_dir": "a", "train_batch_size": 64, "model_name_or_path": "m"}
DIGESTS = {"model": "d1"}


def job(processes: int = 1, batch_size: int = 64, digests: dict = DIGESTS, **changes: object) -> Job:
    return Job(identity_of({**OPTIONS, **changes}, batch_size, digests), processes)


def test_what_is_finished_is_taken_over():
    first, second = job(), job()
    first.finish("pre-training", {}, {"weight": torch.ones(2)})
    first.finish("dense reference", {"accuracy": 0.5})
    second.load_state_dict(first.state_dict())
    assert second.finished == {"pre-training": {}, "dense reference": {"accuracy": 0.5}}
    assert torch.equal(second.weights["pre-training"]["weight"], torch.ones(2))


def test_changes_are_listed_in_one_line():
    other = job(seed=8, sparsities=[0.5], learning_rate=0.1)
    text = refusal(other.load_state_dict, job().state_dict())
    for phrase in ("seed 7, now 8", "sparsities [0.4, 0.7], now [0.5]", "learning_rate not given, now 0.1"):
        assert phrase in text
    assert "--resume_from_checkpoint none" in text


@pytest.mark.parametrize("changes", [{"batch_size": 32}, {"digests": {"model": "d2"}}])
def test_batches_and_content_count(changes):
    with pytest.raises(InputError):
        job(**changes).load_state_dict(job().state_dict())


@pytest.mark.parametrize(
    "changes",
    [
        {"output_dir": "b", "disable_tqdm": True, "cache_dir": "c", "report_to": "wandb", "checkpointing_steps": 3},
        {"model_name_or_path": "elsewhere/m", "like": "elsewhere"},
        {"train_batch_size": None, "per_device_train_batch_size": 64},
    ],
)
def test_paths_reporting_and_other_words_for_the_same_do_not(changes):
    job(**changes).load_state_dict(job().state_dict())


def test_another_number_of_processes_is_allowed_and_said(caplog):
    job(processes=2).load_state_dict(job().state_dict())
    assert "going on with 2 processes what 1 has begun: the results are equal in distribution" in caplog.text
    caplog.clear()
    job().load_state_dict(job(processes=2).state_dict())
    assert "going on with 1 process what 2 have begun: the results are equal in distribution" in caplog.text
    caplog.clear()
    job(processes=2).load_state_dict(job(processes=2).state_dict())
    assert not caplog.text
