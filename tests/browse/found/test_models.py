from __future__ import annotations

import shutil

import pytest

from tests.browse.made_up import made_up_run, write_job
from vpns_hf.browse import models_below
from vpns_hf.reporting import DenseResult, Passes

KEPT = "dense-reference/12-passes"


@pytest.fixture
def folder(tmp_path):
    """A job that has kept the dense model, 8 bytes large, and one that has not."""
    references = [DenseResult(0.9, 0.99, "test", passes=12, path=KEPT)]
    write_job(tmp_path / "a", [made_up_run(0.5, 0.7, 0.8, passes=Passes(tuning=12))], dense_references=references)
    write_job(tmp_path / "b", [made_up_run(0.9, 0.6)])
    (tmp_path / "a" / KEPT).mkdir(parents=True)
    (tmp_path / "a" / KEPT / "model.safetensors").write_bytes(bytes(8))
    return tmp_path


def test_the_dense_model_that_a_job_has_kept(folder):
    found = models_below(folder)
    assert list(found.by_key) == ["a/sparsity-50", "b/sparsity-90"]
    dense = found.by_key["a/sparsity-50"].dense_model()
    assert (dense.key, dense.source, dense.size) == (f"a/{KEPT}", str(folder / "a" / KEPT), 8)
    assert (dense.run.method, dense.run.sparsity, dense.run.nonzero) == ("dense", 0.0, 1000)
    assert (dense.accuracy, dense.gain) == (0.9, 0.0)
    assert found.by_key["b/sparsity-90"].dense_model() is None
    assert models_below(folder / "a").models[0].dense_model().key == KEPT


def test_a_dense_model_that_is_gone(folder):
    shutil.rmtree(folder / "a" / KEPT)
    assert models_below(folder).by_key["a/sparsity-50"].dense_model() is None


def test_files_of_a_folder_and_links_that_lead_out_of_it(folder):
    model = models_below(folder).by_key["b/sparsity-90"]
    assert model.file("README.md") is None
    (folder / "secret").write_text("nobody's business")
    (model.folder / "README.md").symlink_to(folder / "secret")
    assert model.file("README.md") is None
    (model.folder / "card").write_text("ours")
    (model.folder / "README.md").unlink()
    (model.folder / "README.md").symlink_to("card")
    assert model.file("README.md") == model.folder / "README.md"


def test_the_method_of_this_project_has_the_same_colour_in_every_view(folder):
    assert models_below(folder).methods == ["vpns"]
    write_job(folder / "c", [made_up_run(0.5, 0.7, method="imp")])
    assert models_below(folder).methods == ["vpns", "imp"]
