"""Names that others have written lead nowhere but into their own folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from safetensors import safe_open

from tests.faults.interrupted import job, weights
from tests.helpers import tiny_model, tiny_resnet
from vpns_hf import InputError, VPNsForImageClassification
from vpns_hf.backbones import load_backbone
from vpns_hf.jobs.resume import Checkpoints, SavedState
from vpns_hf.jobs.resume import resumption as resuming

pytestmark = pytest.mark.slow  # whole jobs

WEIGHTS = "model.safetensors"
OUTSIDE = ["../elsewhere/model.safetensors", "{there}/model.safetensors", "x/../../elsewhere/model.safetensors"]


def with_index(folder: Path, name: str) -> Path:
    """Moves the weights of a model to a folder beside it, and writes an index that names them like this."""
    elsewhere = folder.with_name("elsewhere")
    elsewhere.mkdir()
    (folder / "x").mkdir()
    shutil.move(folder / WEIGHTS, elsewhere / WEIGHTS)
    with safe_open(elsewhere / WEIGHTS, "pt") as file:
        weight_map = dict.fromkeys(file.keys(), name.format(there=elsewhere))
    index = {"metadata": {"total_size": 1}, "weight_map": weight_map}
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps(index))
    return folder


def load_dense(folder: Path) -> object:
    return load_backbone(folder, num_labels=3)


KINDS = {
    "dense": (tiny_resnet, load_dense),
    "pruned": (tiny_model, VPNsForImageClassification.from_pretrained),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_index_may_name_files_in_its_folder(tmp_path, kind):
    make, load = KINDS[kind]
    make().save_pretrained(tmp_path / "model")
    folder = with_index(tmp_path / "model", "part.safetensors")
    shutil.copy(tmp_path / "elsewhere" / WEIGHTS, folder / "part.safetensors")
    load(folder)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", OUTSIDE)
def test_an_index_may_not_name_files_elsewhere(tmp_path, kind, name):
    make, load = KINDS[kind]
    make().save_pretrained(tmp_path / "model")
    folder = with_index(tmp_path / "model", name)
    with pytest.raises((InputError, ValueError), match=r"index of weights names .* which is no file in its folder"):
        load(folder)


@pytest.mark.parametrize("part", ["../secret", "{there}", "sparsity-50/../../secret", ".."])
def test_a_checkpoint_makes_nobody_read_elsewhere(unfinished, expected, monkeypatch, part):
    (unfinished / "secret").mkdir()
    (unfinished / "secret" / WEIGHTS).write_bytes(b"mine")
    store = Checkpoints(unfinished / "out" / "checkpoints")
    state = SavedState.read(store.latest())
    state.job["finished"][part.format(there=unfinished / "secret")] = {"weights": "0"}
    state.write(store)
    read, real = [], resuming.digest_of_file
    monkeypatch.setattr(resuming, "digest_of_file", lambda path: read.append(path) or real(path))
    job(unfinished).train()
    assert read == []
    assert weights(unfinished) == expected


def test_checkpoints_that_are_links_are_not_followed_when_they_are_removed(tmp_path):
    store = Checkpoints(tmp_path / "checkpoints", limit=1)
    store.write({"shared": {"a": 1}})
    mine = tmp_path / "mine"
    shutil.copytree(store.newest(), mine)
    for name in ("checkpoint-000000", ".checkpoint-000002.partial", ".checkpoint-000003.partial"):
        (store.folder / name).symlink_to(mine)
    before = {path: path.read_bytes() for path in mine.iterdir()}
    store.write({"shared": {"a": 2}})
    assert store.newest().name == "checkpoint-000002"
    store.clear()
    assert {path: path.read_bytes() for path in mine.iterdir()} == before
    assert not store.folder.exists()
