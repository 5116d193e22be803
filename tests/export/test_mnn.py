"""Files for MNN, run by MNN; and the folder they lie in, used by a program that has no PyTorch."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import onnx
import pytest
import torch
from transformers import pipeline

from tests.export.programs import picture_files, run, take_program, undecided_model
from tests.helpers import pictures, tiny_model
from tests.pruning.channels.networks import thin_model
from vpns_hf import VPNsForImageClassification
from vpns_hf.errors import InputError
from vpns_hf.export import MnnFiles, RunnableExport, export_runnable, folded, mnn_session_of, write_mnn
from vpns_hf.jobs.output import save_model

pytestmark = pytest.mark.slow  # an export takes seconds

COMPANIONS = {"README.md", "labels.json", "preprocessor_config.json"}


def exported_for_mnn(model: VPNsForImageClassification, folder: Path, **options) -> RunnableExport:
    return export_runnable(folded(model), MnnFiles(), folder, **options)


def half_full_model() -> VPNsForImageClassification:
    """The tiny model with no layer of more than 60% of zeros."""
    model = tiny_model()
    for mask in model.masks().values():
        mask.view(-1)[::2] = True
    return model


@pytest.fixture(scope="module")
def prompted(tmp_path_factory) -> Path:
    """The undecided model with its prompt."""
    folder, model = tmp_path_factory.mktemp("prompted") / "out", undecided_model()
    exported_for_mnn(model, folder, prompted=True)
    assert all(
        torch.equal(tensor, model.state_dict()[name]) for name, tensor in undecided_model().state_dict().items()
    )
    return folder


@pytest.mark.parametrize("count", [1, 2, 7])
def test_batches_of_any_size(prompted, count):
    pixels = pictures(count)
    with torch.no_grad():
        expected = undecided_model()(pixels, prompted=True).logits
    for name in ("model.mnn", "model_sparse.mnn"):
        torch.testing.assert_close(mnn_session_of(prompted / name)(pixels), expected)


def test_the_folder(prompted):
    assert {path.name for path in prompted.iterdir()} == {*COMPANIONS, "model.mnn", "model_sparse.mnn"}
    assert json.loads((prompted / "labels.json").read_text()) == ["cat", "dog", "owl"]
    said = (prompted / "README.md").read_text()
    assert "so is the visual prompt" in said
    assert "In MNN model.mnn and model_sparse.mnn give the logits of the model to" in said
    assert "onnx" not in said.replace("the same in ONNX, not kept", "").lower()


def test_the_zeros_are_left_out_of_the_sparse_file(prompted):
    dense, sparse = ((prompted / name).stat().st_size for name in ("model.mnn", "model_sparse.mnn"))
    masks = [mask for mask in undecided_model().masks().values() if mask.float().mean() < 0.4]
    saved = sum(4 * mask.numel() - 8 * int(mask.sum()) for mask in masks)  # a weight that stays takes place and value
    assert saved / 2 < dense - sparse < saved  # the layers tell that they are sparse, and how


def test_the_program_of_the_readme_says_what_the_model_says(prompted, tmp_path):
    save_model(undecided_model(), tmp_path / "model")
    classify = pipeline("image-classification", tmp_path / "model")
    assert take_program(prompted, tmp_path) <= 12
    chosen = list(picture_files(tmp_path))[1::2]
    answers = [classify(str(picture))[0]["label"] for picture in chosen]
    assert [run(tmp_path, prompted, str(picture)) for picture in chosen] == answers
    assert len(set(answers)) > 1


def test_what_mnn_writes_at_its_start_stays_off_the_terminal(monkeypatch, capfd):
    class Talking(SimpleNamespace):
        def create_runtime_manager(self, settings):
            os.write(1, b"The device supports everything")

        def load_module_from_file(self, *files, runtime_manager):
            return None

    monkeypatch.setitem(sys.modules, "MNN", SimpleNamespace(nn=Talking(), expr=None))
    mnn_session_of(Path("model.mnn"), 1)
    os.write(1, b"after")
    assert capfd.readouterr() == ("after", "")


def test_too_few_zeros(tmp_path, capfd):
    said = str(exported_for_mnn(half_full_model(), tmp_path / "out"))
    assert capfd.readouterr() == ("", "")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*COMPANIONS, "model.mnn"}
    assert "No layer has more than 60% of zeros, from which on MNN skips them: model.mnn holds all weights." in said
    assert "| the same in ONNX, not kept |" in said


def test_a_thinner_network(tmp_path):
    model = thin_model("resnet")
    said = str(exported_for_mnn(model, tmp_path / "out"))
    pixels = pictures(count=3, size=model.config.image_size)
    found = mnn_session_of(tmp_path / "out" / "model.mnn")(pixels)
    assert torch.allclose(found, model(pixels, prompted=False).logits, atol=1e-4 * found.abs().max().item())
    assert "what makes it faster are the channels that are gone" in said


def test_what_the_converter_says_is_said_in_one_line(tmp_path, capfd):
    values = [onnx.helper.make_tensor_value_info(name, kind, [1]) for name, kind in (("x", 1), ("y", 9))]
    graph = onnx.helper.make_graph([onnx.helper.make_node("IsNaN", ["x"], ["y"])], "unknown", values[:1], values[1:])
    onnx.save(onnx.helper.make_model(graph, ir_version=10), tmp_path / "model.onnx")
    with pytest.raises(
        InputError, match=r"MNN's converter cannot write this network \(These Op Not Support: "
    ) as caught:
        write_mnn(tmp_path / "model.onnx", tmp_path / "model.mnn")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
