from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.helpers import refusal
from tests.studies.studying import COUNTED, counted, counting, run, starts
from vpns_hf.cli.script import run_script
from vpns_hf.studies import Status, StudyFolder

pytestmark = pytest.mark.slow  # real processes


def statuses(folder: Path, cells: list) -> list[Status]:
    return [StudyFolder(folder).state(cell).status for cell in cells]


def steps_made(folder: Path) -> int:
    """How far all jobs have counted."""
    total = 0
    for job in folder.glob("cells/*"):
        for file in (job / "checkpoints" / "steps", job / "weights"):
            with suppress(FileNotFoundError):
                total += len(file.read_text())
    return total


def test_every_cell_is_made_once_and_what_is_done_stays(tmp_path):
    first, more = counting(3), counting(5)
    assert statuses(tmp_path, first) == [Status.PLANNED] * 3
    run(tmp_path, first)
    run(tmp_path, more)
    assert counted(tmp_path, more) == [COUNTED] * 5
    assert starts(tmp_path, more) == [1] * 5
    assert statuses(tmp_path, more) == [Status.DONE] * 5


def test_a_cell_whose_file_was_cut_off_by_a_full_disk_say_is_made_again(tmp_path):
    made = counting(1)
    run(tmp_path, made)
    (StudyFolder(tmp_path).job(made[0]) / "job.json").write_text('{"identity": ')
    assert statuses(tmp_path, made) == [Status.PLANNED]
    run(tmp_path, made)
    assert statuses(tmp_path, made) == [Status.DONE]
    assert starts(tmp_path, made) == [2]


def test_a_cell_that_fails_is_told_and_tried_again_when_the_command_is_repeated(tmp_path, monkeypatch):
    cells = counting(3)
    monkeypatch.setenv("FAKE_FAILS", "2")
    run(tmp_path, cells)
    assert statuses(tmp_path, cells) == [Status.DONE, Status.FAILED, Status.DONE]
    state = StudyFolder(tmp_path).state(cells[1])
    assert state.found.record.reason == "seed is not to my liking"
    monkeypatch.delenv("FAKE_FAILS")
    run(tmp_path, cells)
    assert starts(tmp_path, cells) == [1, 2, 1]
    assert counted(tmp_path, cells) == [COUNTED] * 3


def test_a_job_that_is_killed_goes_on(tmp_path, monkeypatch):
    cells = counting(2)
    monkeypatch.setenv("FAKE_KILLED", "1")
    run(tmp_path, cells)
    assert (counted(tmp_path, cells), starts(tmp_path, cells)) == ([COUNTED] * 2, [2, 1])


def test_a_full_disk_stops_the_study_and_no_cell_fails(tmp_path, monkeypatch):
    cells = counting(4)
    monkeypatch.setenv("FAKE_FULL", "1")
    line = refusal(run, tmp_path, cells)
    assert "No space left on device" in line and "make room" in line
    assert Status.FAILED not in statuses(tmp_path, cells)
    monkeypatch.delenv("FAKE_FULL")
    run(tmp_path, cells)
    assert counted(tmp_path, cells) == [COUNTED] * 4


def test_two_drivers_share_the_work(tmp_path):
    cells, faults = counting(6), []

    def drive() -> None:
        try:
            run(tmp_path, cells, jobs=1)
        except BaseException as fault:
            faults.append(fault)

    drivers = [threading.Thread(target=drive) for _ in range(2)]
    for driver in drivers:
        driver.start()
    for driver in drivers:
        driver.join()
    assert not faults
    assert (counted(tmp_path, cells), starts(tmp_path, cells)) == ([COUNTED] * 6, [1] * 6)


def test_what_another_machine_has_is_waited_for_and_taken_over_when_it_is_gone(tmp_path):
    cells = counting(1)
    claims = StudyFolder(tmp_path).claims(cells[0])
    claims.folder.mkdir(parents=True)
    there = {"who": "elsewhere 1", "kernel": "another", "since": "2026-01-01T00:00:00+00:00"}
    claims.path(1).write_text(json.dumps(there))
    run(tmp_path, cells, timeout=0.0)
    assert claims.newest().number == 2
    assert counted(tmp_path, cells) == [COUNTED]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_driver_that_is_asked_to_stop_lets_its_jobs_write_their_checkpoints(
    number, code, tmp_path, monkeypatch, capfd
):
    cells, hold = counting(4), tmp_path / "hold"
    monkeypatch.setenv("FAKE_HOLD", str(hold))
    hold.touch()
    driver = os.fork()
    if not driver:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell has its background jobs ignore
        try:
            run_script(lambda: run(tmp_path, cells))
        except SystemExit as end:
            os._exit(end.code)
        finally:
            os._exit(0)
    while steps_made(tmp_path) < 2:
        time.sleep(0.01)
    os.kill(driver, number)
    assert os.waitstatus_to_exitcode(os.waitpid(driver, 0)[1]) == code
    [line] = capfd.readouterr().err.splitlines()
    assert line.endswith(f"stopped by {number.name}")
    jobs = [int(pid) for file in tmp_path.glob("cells/*/starts") for pid in file.read_text().split()]
    assert len(jobs) == 2 and not any(is_there(pid) for pid in jobs)
    assert statuses(tmp_path, cells) == [Status.PLANNED] * 4
    hold.unlink()
    run(tmp_path, cells)
    assert (counted(tmp_path, cells), sorted(starts(tmp_path, cells))) == ([COUNTED] * 4, [1, 1, 2, 2])


def is_there(pid: int) -> bool:
    """Whether a process is running."""
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


@pytest.mark.slow
def test_a_study_that_is_killed_at_random_moments_ends_as_one_that_is_not(tmp_path, monkeypatch):
    """Its jobs are asked to stop when the driver is gone, and the next driver goes on with them."""
    cells, chance, hold = counting(5), random.Random(9), tmp_path / "hold"
    monkeypatch.setenv("FAKE_HOLD", str(hold))
    hold.touch()  # so that the first driver surely leaves work to do
    for _ in range(6):
        driver = os.fork()
        if not driver:
            try:
                run(tmp_path, cells)
            finally:
                os._exit(0)
        made = steps_made(
            tmp_path
        )  # those of a job twice, while it has written its weights and not removed its checkpoint
        moment = 2 if hold.exists() else chance.randint(made, max(made, 5 * len(COUNTED)))
        while steps_made(tmp_path) < moment:
            pass
        os.kill(driver, signal.SIGKILL)
        os.waitpid(driver, 0)
        hold.unlink(missing_ok=True)
    run(tmp_path, cells)
    assert counted(tmp_path, cells) == [COUNTED] * 5
    assert sum(starts(tmp_path, cells)) > 5
    said = "".join(file.read_text() for file in (tmp_path / "logs").iterdir())
    assert "another job is writing" not in said
