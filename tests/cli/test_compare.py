from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from tests.results import run_result
from vpns_hf.jobs.resume import FinishedJob
from vpns_hf.reporting import DenseResult, Passes, Results

RUN = run_result(0.9, 0.9, passes=Passes(tuning=4))


@pytest.fixture
def jobs(tmp_path):
    """The results of three jobs, two seeds of vpns among them; their models are gone."""
    runs = {"vpns-7": RUN, "vpns-9": replace(RUN, seed=9), "omp-7": replace(RUN, method="omp")}
    for name, run in runs.items():
        results = Results(DenseResult(0.95, passes=4), [run], model="net", dataset="data", images={"test": 100})
        results.save(tmp_path / name / "results.json")
    return [tmp_path / name for name in runs]


def test_jobs_are_compared_and_the_table_is_shown(vpns, jobs, tmp_path):
    ended = vpns("compare", *jobs, "--output_dir", tmp_path / "out")
    assert (ended.code, ended.err) == (0, "")
    assert "net on data" in ended.out
    assert "| vpns |     2 |          4/4 |" in ended.out
    assert ended.out.rstrip().splitlines()[-1].startswith(f"Written: {tmp_path / 'out' / 'results.md'}")
    written = json.loads((tmp_path / "out/results.json").read_text())
    assert [run["job"] for run in written["runs"]] == ["vpns-7", "vpns-9", "omp-7"]


def refusals(jobs, tmp_path):
    return {
        "no folder": (
            [tmp_path / "none"],
            f"{tmp_path / 'none'} holds no results.json; give the output_dir of a finished job",
        ),
        "jobs below": ([tmp_path], f"give those in it, such as {tmp_path / 'omp-7'}"),
        "twice": (
            [jobs[0], shutil.copytree(jobs[0], tmp_path / "study" / "copy")],
            "both hold vpns at 90% sparsity with seed 7; give one of them",
        ),
    }


@pytest.mark.parametrize("kind", ["no folder", "jobs below", "twice"])
def test_what_cannot_be_compared_is_refused_in_one_line(vpns, jobs, tmp_path, kind):
    folders, words = refusals(jobs, tmp_path)[kind]
    assert words in vpns("compare", *folders, "--output_dir", tmp_path / "out").refusal("vpns compare")
    assert not (tmp_path / "out").exists()


def study_of(jobs, tmp_path):
    """A folder as `vpns sweep` leaves it; the job of the last cell is not done."""
    for job in jobs:
        cell = shutil.copytree(job, tmp_path / "study" / "cells" / job.name)
        if job != jobs[-1]:
            FinishedJob({"sparsities": [0.9]}, 1, {}, {}).write(cell)
    for name in ("results.json", "study.json"):
        (tmp_path / "study" / name).write_text('{"runs": []}')
    return tmp_path / "study"


def test_a_study_stands_for_its_jobs_that_are_done(vpns, jobs, tmp_path):
    ended = vpns("compare", study_of(jobs, tmp_path), "--output_dir", tmp_path / "out")
    assert (ended.code, ended.err) == (0, "")
    written = json.loads((tmp_path / "out/results.json").read_text())
    assert [run["job"] for run in written["runs"]] == ["vpns-7", "vpns-9"]


def test_a_job_that_is_named_in_two_ways_is_one(vpns, jobs, tmp_path):
    ended = vpns("compare", jobs[0], tmp_path / "vpns-9" / ".." / "vpns-7", jobs[2], "--output_dir", tmp_path / "out")
    assert (ended.code, ended.err) == (0, "")
    assert len(json.loads((tmp_path / "out/results.json").read_text())["runs"]) == 2


def test_the_folder_of_a_study_is_not_written_to(vpns, jobs, tmp_path):
    study = study_of(jobs, tmp_path)
    line = vpns("compare", *jobs, "--output_dir", study).refusal("vpns compare")
    assert "holds a study, whose results would be replaced" in line
    assert (study / "results.json").read_text() == '{"runs": []}'


def test_a_folder_that_holds_a_job_beside_a_study_is_refused(vpns, jobs, tmp_path):
    study = study_of(jobs, tmp_path)
    shutil.copy(study / "cells" / "vpns-7" / "job.json", study)
    ended = vpns("compare", study, "--output_dir", tmp_path / "out")
    assert (ended.code, ended.out) == (2, "")
    assert f"{study} holds a job and, in cells/, a study; move one of them" in ended.err


def test_the_folder_of_a_job_is_not_written_to(vpns, jobs):
    line = vpns("compare", *jobs, "--output_dir", jobs[0]).refusal("vpns compare")
    assert "is not of a comparison and would be replaced" in line
