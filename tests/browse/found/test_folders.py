"""Which models lie below a folder."""

from __future__ import annotations

import functools
import json
import math
import os
import sys

import pytest

from tests.browse.made_up import found_in, made_up_run, write_job
from vpns_hf import InputError
from vpns_hf.browse import View, models_below, overview_of
from vpns_hf.reporting import Results


def test_models_of_all_jobs_at_any_depth_by_their_folders(found):
    assert list(found.by_key) == [
        *("a/sparsity-50", "a/sparsity-90", "b/c/sparsity-50", "b/c/sparsity-90", "snip/sparsity-70"),
    ]
    model = found.by_key["b/c/sparsity-90"]
    assert (model.network, model.dataset, model.run.seed, model.size) == ("resnet18", "cifar100", 11, 400)
    assert model.accuracy == pytest.approx(0.92 - 0.045)
    assert model.gain == pytest.approx(-0.025)
    assert (found.methods, found.left_out) == (["vpns", "snip"], [])


def test_one_job_and_one_model(tmp_path):
    job = write_job(tmp_path / "job", [made_up_run(0.5, 0.8), made_up_run(0.9, 0.7)])
    assert [model.key for model in models_below(job).models] == ["sparsity-50", "sparsity-90"]
    run = made_up_run(0.5, 0.8)
    results = Results.load(job / "results.json")
    results.of_model(run, [made_up_run(0.5, 0.7, seed=8)]).save(job / "sparsity-50/results.json")
    [alone] = models_below(job / "sparsity-50").models
    assert (alone.key, alone.run.seed, alone.size) == ("sparsity-50", 7, 2000)


def test_a_model_that_its_job_tells_of_is_there_once(tmp_path):
    job = write_job(tmp_path / "job", [made_up_run(0.5, 0.8)])
    Results.load(job / "results.json").of_model(made_up_run(0.5, 0.8)).save(job / "sparsity-50/results.json")
    [model] = models_below(tmp_path).models
    assert (model.key, model.job_folder) == ("job/sparsity-50", job)


def test_an_unfinished_job_shows_the_models_it_has(tmp_path):
    job = write_job(tmp_path / "job", [made_up_run(0.5, 0.8)])
    Results.load(job / "results.json").of_model(made_up_run(0.5, 0.8)).save(job / "sparsity-50/results.json")
    (job / "results.json").unlink()
    assert list(models_below(tmp_path).by_key) == ["job/sparsity-50"]


def test_what_cannot_be_read_is_left_out_with_its_reason(tmp_path):
    write_job(tmp_path / "good", [made_up_run(0.5, 0.8)])
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/results.json").write_text('{"runs": [')
    write_job(tmp_path / ".hidden", [made_up_run(0.5, 0.8)])
    found = models_below(tmp_path)
    assert list(found.by_key) == ["good/sparsity-50"]
    [line] = found.left_out
    assert line.startswith(f"{tmp_path / 'bad/results.json'} holds no results (Expecting value: line 1")


def test_the_results_of_a_comparison_are_none_of_a_job(tmp_path):
    write_job(tmp_path / "cells/good", [made_up_run(0.5, 0.8)])
    (tmp_path / "results.json").write_text('{"runs": [{"method": "vpns"}], "settings": []}')
    found = models_below(tmp_path)
    assert (list(found.by_key), found.left_out) == (["cells/good/sparsity-50"], [])


def test_links_that_lead_in_circles(tmp_path):
    write_job(tmp_path / "job", [made_up_run(0.5, 0.8)])
    (tmp_path / "job/again").symlink_to(tmp_path)
    assert list(models_below(tmp_path).by_key) == ["job/sparsity-50"]


def test_weights_that_are_gone_are_no_weights(tmp_path):
    job = write_job(tmp_path, [made_up_run(0.5, 0.8)])
    (job / "sparsity-50/model.safetensors").unlink()
    [model] = models_below(tmp_path).models
    assert (model.size, model.is_loadable) == (None, False)


@pytest.mark.parametrize("text", [None, '{"dense": {}, "runs": []}', "no json"])
def test_a_folder_without_models_is_refused(tmp_path, text):
    if text is not None:
        (tmp_path / "results.json").write_text(text)
    with pytest.raises(InputError, match=r"holds no results of a finished job.*; give the output_dir of `vpns prune`"):
        models_below(tmp_path)
    with pytest.raises(InputError, match="there is no folder"):
        models_below(tmp_path / "missing")


def test_no_weights_are_opened(tmp_path):
    opened = []
    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
    found_in(tmp_path, {str(number): [made_up_run(0.5, 0.8)] for number in range(5)})
    del opened[:]
    assert len(models_below(tmp_path).models) == 5
    assert sum(path.endswith("results.json") for path in opened) == 5
    assert not [path for path in opened if path.endswith(".safetensors")]


DAMAGED = {
    ("runs", 0, "method"): 3,
    ("runs", 0, "granularity"): None,
    ("runs", 0, "sparsity"): "half",
    ("runs", 0, "accuracy", "plain"): "<b>99</b>",
    ("runs", 0, "accuracy", "prompted"): math.nan,
    ("runs", 0, "path"): "../../a/sparsity-50",
    ("runs", 0, "path", ""): "/etc",
    ("runs", 0, "cost", "milliseconds"): [1],
    ("runs", 0, "seconds"): {"finetune": "long"},
    ("runs", 0, "passes"): {"tuning": None},
    ("runs",): "none",
    ("dense",): [],
    ("dense", "path"): "../b",
    ("dense_references",): [{"accuracy": True}],
    ("model",): 7,
    ("runs", 0, "method", ""): "\ud800x",
    ("runs", 0, "accuracy", "plain", ""): 7.0,
    ("runs", 0, "sparsity", ""): -3,
    ("dense", "accuracy"): 1.5,
}


@pytest.mark.parametrize("place", DAMAGED)
def test_one_damaged_file_costs_no_other_model(tmp_path, place):
    found_in(tmp_path, {"a": [made_up_run(0.5, 0.8)], "b": [made_up_run(0.7, 0.7)]})
    path = tmp_path / "b" / "results.json"
    data = json.loads(path.read_text())
    *leading, last = [part for part in place if part != ""]
    functools.reduce(lambda value, part: value[part], leading, data)[last] = DAMAGED[place]
    path.write_text(json.dumps(data))
    found = models_below(tmp_path)
    assert overview_of(found, View())
    assert list(found.by_key) == ["a/sparsity-50"]
    [line] = found.left_out
    assert line.startswith(str(path)) and "Error" not in line


@pytest.mark.parametrize("text", ["[" * 200_000, '{"dense": {"accuracy": 1e999}}', "{}", "null", "\x00"])
def test_a_file_that_is_no_results_costs_no_other_model(tmp_path, text):
    found_in(tmp_path, {"a": [made_up_run(0.5, 0.8)]})
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "results.json").write_text(text)
    assert len(models_below(tmp_path).left_out) == 1


def test_a_folder_whose_name_is_no_text_costs_no_other_model(tmp_path):
    found_in(tmp_path, {"a": [made_up_run(0.5, 0.8)], "b": [made_up_run(0.7, 0.7)]})
    os.rename(tmp_path / "b", os.fsencode(tmp_path) + b"/b\xff")
    found = models_below(tmp_path)
    assert list(found.by_key) == ["a/sparsity-50"]
    [line] = found.left_out
    assert line.isascii() and line.endswith("has a name that is no UTF-8; give it another")
