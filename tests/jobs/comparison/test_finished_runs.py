from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import tiny_model
from tests.hub.runs import write_run
from vpns_hf.errors import InputError
from vpns_hf.jobs import compared_runs
from vpns_hf.models import VPNsForImageClassification
from vpns_hf.reporting import Predictions, save_predictions


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """A job of two sparsities, as it is left by versions that kept no identity."""
    folder = tmp_path_factory.mktemp("written") / "job"
    return write_run(folder, tiny_model(), {0.4: 0.9, 0.7: 0.8}, model="nets/net", dataset="data")


@pytest.fixture
def job(written, tmp_path) -> Path:
    """A copy of it, to be changed."""
    return shutil.copytree(written, tmp_path / "job")


def add_identity(job: Path, **identity) -> None:
    kept = {"identity": {"sparsities": [0.4, 0.7], **identity}, "processes": 1, "finished": {}, "versions": {}}
    (job / "job.json").write_text(json.dumps(kept))


def test_a_job_gives_a_run_for_each_sparsity(job):
    runs = compared_runs(job, {"visual_prompt": "pad"})
    assert [run.axes for run in runs] == [
        {"method": "vpns", "sparsity": sparsity, "seed": "7", "visual_prompt": "pad"} for sparsity in ("0.4", "0.7")
    ]
    first = runs[0]
    assert (first.accuracy, first.reference.accuracy, first.result.path) == (0.9, 0.9, "sparsity-40")
    assert first.size == (job / "sparsity-40/model.safetensors").stat().st_size
    assert (first.correct, first.images, first.data) == (None, None, {})
    assert (first.options["visual_prompt"], first.options["model_name_or_path"]) == ("pad", "nets/net")
    assert not {"output_dir", "disable_tqdm"} & set(first.options)


def test_masks_are_those_of_the_saved_model(job):
    masks = compared_runs(job)[1].masks()
    saved = VPNsForImageClassification.from_pretrained(job / "sparsity-70").masks()
    assert list(masks) == list(saved)
    assert all((masks[name] == saved[name].numpy()).all() for name in saved)


def test_what_identified_a_job_tells_options_from_digests(job):
    add_identity(job, method="vpns", seed=7, model="abc", **{"test images": "100 (d)", "images per update": 64})
    run = compared_runs(job)[0]
    assert run.data == {"model": "abc", "test images": "100 (d)"}
    assert run.options["images per update"] == 64
    assert "visual_prompt" not in run.options  # the recipe knows it, but it had no part in the result


def test_the_images_that_were_classified_rightly_are_those_of_the_default_view(job):
    prompted, plain = np.array([True, False, True]), np.array([False, False, True])
    predictions = Predictions({"prompted": prompted, "plain": plain})
    save_predictions(job / "predictions.npz", [0, 1, 2], {"sparsity-40": predictions})
    first, second = compared_runs(job)
    np.testing.assert_array_equal(first.correct, prompted)
    assert second.correct is None


def test_a_damaged_file_of_predictions_is_named(job):
    (job / "predictions.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(InputError, match=r"predictions\.npz cannot be read"):
        compared_runs(job)


def test_a_model_that_is_gone_has_neither_size_nor_mask(job):
    for path in (job / "sparsity-40").iterdir():
        path.unlink() if path.is_file() else None
    run = compared_runs(job)[0]
    assert (run.size, run.masks, run.accuracy) == (None, None, 0.9)


def test_a_job_without_models_is_refused(tmp_path):
    (tmp_path / "results.json").write_text(json.dumps({"dense": {}, "runs": []}))
    with pytest.raises(InputError, match="holds no pruned model to compare"):
        compared_runs(tmp_path)
