"""What a job keeps of the dense model that it compares with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from transformers import pipeline

from tests.faults.interrupted import At, Crash, crash
from tests.helpers import forget_accelerator
from tests.training_helpers import coloured_split, tiny_trainer
from vpns_hf import InputError, VPNsForImageClassification
from vpns_hf.hub import find_models, models_in_folder
from vpns_hf.reporting import Results

pytestmark = pytest.mark.slow  # whole jobs

KEPT = "dense-reference/2-passes"
JOB = {"dense_reference": True, "method": "omp", "label_mapping": "identity", "finetune_epochs": 1}
UPDATES = 6  # of the reference: two passes of three


def weights(folder: Path, path: str = KEPT) -> bytes:
    return (folder / "out" / path / "model.safetensors").read_bytes()


def finished(folder: Path, **changes: object) -> Results:
    tiny_trainer(folder, **{**JOB, **changes}).train()
    return Results.load(folder / "out" / "results.json")


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("kept")
    finished(folder)
    return folder


def test_the_model_that_is_kept_is_the_one_that_was_measured(kept):
    dense = Results.load(kept / "out" / "results.json").dense
    assert dense.path == KEPT
    split = coloured_split(17, seed=3)
    classify = pipeline("image-classification", model=str(kept / "out" / KEPT))
    names = split.features["label"].names
    right = [classify(row["image"])[0]["label"] == names[row["label"]] for row in split]
    assert sum(right) / len(right) == pytest.approx(dense.accuracy)
    model = VPNsForImageClassification.from_pretrained(kept / "out" / KEPT)
    assert all(mask.all() for mask in model.masks().values())
    assert not model.has_prompt
    assert model.config.label_mapping_method == "identity"


def test_it_is_no_pruned_model_of_the_job_and_no_part_of_a_repository(kept):
    assert [model.folder.name for model in find_models(kept / "out")] == ["sparsity-50"]
    assert [model.name for model in models_in_folder(kept / "out")] == ["sparsity-50"]
    results = Results.load(kept / "out" / "results.json")
    assert results.of_model(results.runs[0]).dense.path is None


def test_another_job_starts_from_it(kept, tmp_path):
    base = tiny_trainer(tmp_path, str(kept / "out" / KEPT), label_mapping="auto").base
    assert (base.config.label_mapping_method, base.label_mapping.tolist()) == ("name", [0, 1, 2])
    assert base.config.backbone_config.num_labels == 3


def test_a_job_may_keep_none_and_makes_the_same(kept, tmp_path):
    results = finished(tmp_path, save_dense_reference=False)
    assert results.dense.path is None
    assert not (tmp_path / "out" / "dense-reference").exists()
    assert results.dense.accuracy == Results.load(kept / "out" / "results.json").dense.accuracy
    assert weights(tmp_path, "sparsity-50") == weights(kept, "sparsity-50")


def test_what_another_job_has_trained_is_kept_too(kept, tmp_path):
    for name in ("first", "second"):
        finished(tmp_path / name, shared_dir=str(tmp_path / "shared"))
    assert weights(tmp_path / "first") == weights(tmp_path / "second") == weights(kept)


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_job_that_goes_on_tells_what_is_there(kept, tmp_path, is_gone):
    trainer = tiny_trainer(tmp_path, **JOB)
    trainer.callbacks.append(At(UPDATES + 2, crash))
    with pytest.raises(Crash):
        trainer.train()
    forget_accelerator()
    assert weights(tmp_path) == weights(kept)
    if is_gone:
        shutil.rmtree(tmp_path / "out" / "dense-reference")
    results = finished(tmp_path)
    assert results.dense.path == (None if is_gone else KEPT)
    assert results.dense.accuracy == Results.load(kept / "out" / "results.json").dense.accuracy
    assert weights(tmp_path, "sparsity-50") == weights(kept, "sparsity-50")


def test_it_stays_when_its_job_is_extended_and_goes_when_it_is_replaced(kept, tmp_path):
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    results = finished(tmp_path, sparsities=[0.5, 0.7])
    assert (results.dense.path, weights(tmp_path)) == (KEPT, weights(kept))
    finished(tmp_path, dense_reference=False, overwrite_output_dir=True)
    folders = sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir())
    assert folders == ["examples", "plots", "sparsity-50"]


@pytest.mark.parametrize("path", ["../../elsewhere", "/etc", "dense-reference/../sparsity-50", "dense-reference/mine"])
def test_the_word_of_a_checkpoint_leads_nowhere_else(kept, tmp_path, path):
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    job = json.loads((tmp_path / "out" / "job.json").read_text())
    [dense] = [result for result in job["finished"].values() if result.get("path")]
    dense["path"] = path
    (tmp_path / "out" / "job.json").write_text(json.dumps(job))
    assert finished(tmp_path, sparsities=[0.5, 0.7]).dense.path is None


def test_what_somebody_put_in_its_place_is_not_replaced(tmp_path):
    mine = tmp_path / "out" / KEPT / "thesis.tex"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(InputError, match=f"^{mine.parent} is no model of an earlier run, .* move it away"):
            tiny_trainer(tmp_path, **JOB, overwrite_output_dir=overwrite)
    assert mine.read_text() == "mine"
