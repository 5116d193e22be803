"""Two jobs and one folder."""

from __future__ import annotations

import pytest
from accelerate import Accelerator

from tests.faults.interrupted import At, crashed_job, job
from tests.helpers import forget_accelerator
from vpns_hf.errors import InputError
from vpns_hf.jobs.output import LOCK, ClaimedFolder


@pytest.fixture
def accelerator():
    yield Accelerator(cpu=True)
    forget_accelerator()


@pytest.mark.slow
def test_a_second_job_is_refused_and_the_first_is_not_disturbed(tmp_path):
    refused = []

    def start_another() -> None:
        second = job(tmp_path)
        with pytest.raises(
            InputError, match=rf"another job is writing to {tmp_path / 'out'}; wait for its end"
        ) as error:
            second.train()
        refused.append(error.value)

    results = job(tmp_path, At(8, start_another)).train()
    assert len(refused) == 1
    assert results["runs"][0]["sparsity"] == 0.5
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".")) == []


def test_the_lock_of_a_job_that_was_killed_keeps_nobody_out(tmp_path, accelerator):
    (tmp_path / LOCK).touch()
    with ClaimedFolder(tmp_path, accelerator):
        assert (tmp_path / LOCK).exists()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_made_for_nothing_is_removed_with_those_above(tmp_path, accelerator):
    (tmp_path / "mine").mkdir()
    with pytest.raises(ZeroDivisionError), ClaimedFolder(tmp_path / "mine" / "a" / "b", accelerator):
        raise ZeroDivisionError
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_folder_that_was_there_or_holds_something_stays(tmp_path, accelerator):
    with ClaimedFolder(tmp_path, accelerator):
        pass
    with ClaimedFolder(tmp_path / "a", accelerator):
        (tmp_path / "a" / "result").touch()
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["a", "a/result"]


def test_a_job_that_was_ended_leaves_no_lock(tmp_path):
    crashed_job(tmp_path, 8)
    assert not (tmp_path / "out" / LOCK).exists()
