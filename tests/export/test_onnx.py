"""Files in ONNX, run by ONNX Runtime; and the folder they lie in, used by a program that has no PyTorch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx.numpy_helper import to_array
from onnxruntime import InferenceSession
from PIL import Image
from transformers import AutoModelForImageClassification, ViTImageProcessorPil, pipeline

from tests.documents import ROOT
from tests.export.programs import picture_files, run, take_program, undecided_model
from tests.families import FAMILIES
from tests.helpers import pictures, randomised, refusal, same, tiny_model
from tests.pruning.channels.networks import thin_model
from vpns_hf import VPNsForImageClassification
from vpns_hf.backbones import IMAGENET, Backbone
from vpns_hf.data import Batch
from vpns_hf.errors import InputError
from vpns_hf.export import (
    ONNX_RUNTIME,
    ExportPictures,
    OnnxFiles,
    RunnableExport,
    Source,
    check_agreement,
    export_runnable,
    folded,
    reference_of,
    session_of,
)
from vpns_hf.jobs.output import save_model

pytestmark = pytest.mark.slow  # an export takes seconds

COMPANIONS = {"README.md", "labels.json", "model.onnx", "preprocessor_config.json"}


def export_onnx(source: Source, folder: Path, calibration: list[Batch] | None = None, **options) -> RunnableExport:
    return export_runnable(source, OnnxFiles(calibration), folder, **options)


def emptied_model() -> VPNsForImageClassification:
    """The tiny model without any weight of one channel."""
    model = tiny_model()
    next(iter(model.masks().values()))[3] = False
    return model


@pytest.fixture(scope="module")
def prompted(tmp_path_factory) -> Path:
    """The undecided model with its prompt, in float32."""
    folder = tmp_path_factory.mktemp("prompted") / "out"
    export_onnx(folded(undecided_model()), folder, prompted=True)
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> tuple[Path, str]:
    """The emptied model without its prompt, in float32 and 8 bits; and what was said of it."""
    folder, model = tmp_path_factory.mktemp("exported") / "out", emptied_model()
    calibration = [Batch(pictures(32, seed=7), torch.zeros(32, dtype=torch.int64))]
    measured = ExportPictures("40 images", [Batch(pictures(40), torch.zeros(40, dtype=torch.int64))])
    said = str(export_onnx(folded(model), folder, calibration, pictures=measured))
    assert same(emptied_model().state_dict(), model.state_dict())
    return folder, said


@pytest.mark.parametrize("count", [1, 2, 7])
def test_batches_of_any_size(prompted, exported, count):
    pixels = pictures(count)
    for folder, model, prompt in ((prompted, undecided_model(), True), (exported[0], emptied_model(), False)):
        with torch.no_grad():
            torch.testing.assert_close(
                session_of(folder / "model.onnx")(pixels), model(pixels, prompted=prompt).logits
            )


def test_the_folder(prompted, exported):
    assert {path.name for path in prompted.iterdir()} == COMPANIONS
    assert {path.name for path in exported[0].iterdir()} == {*COMPANIONS, "model_int8.onnx"}
    assert json.loads((prompted / "labels.json").read_text()) == ["cat", "dog", "owl"]
    assert "so is the visual prompt" in (prompted / "README.md").read_text()
    assert "The visual prompt is not part of it" in (exported[0] / "README.md").read_text()


@pytest.mark.parametrize("name", ["model.onnx", "model_int8.onnx"])
def test_what_a_file_says_of_itself(exported, name):
    folder, _ = exported
    session = InferenceSession(folder / name)
    told = session.get_modelmeta().custom_metadata_map
    assert json.loads(told["class_names"]) == ["cat", "dog", "owl"]
    assert json.loads(told["preprocessor_config"]) == json.loads((folder / "preprocessor_config.json").read_text())
    assert [(put.name, put.shape) for put in (*session.get_inputs(), *session.get_outputs())] == [
        ("pixel_values", ["batch", 3, 16, 16]),
        ("logits", ["batch", 3]),
    ]
    assert str(ROOT).encode() not in (folder / name).read_bytes()  # as in traces of calls


def test_pruned_weights_stay_exactly_zero_in_8_bits(exported):
    tensors = {
        tensor.name: to_array(tensor) for tensor in onnx.load(exported[0] / "model_int8.onnx").graph.initializer
    }
    for name, mask in emptied_model().masks().items():
        key = f"network.{name}.weight"
        weights = tensors[f"{key}_quantized"]
        assert (weights.dtype, len(tensors[f"{key}_scale"])) == (np.int8, len(weights))
        assert not tensors[f"{key}_zero_point"].any()
        mask = mask.numpy()
        if len(weights) != len(mask):  # the head, cut to the classes
            mask = mask[emptied_model().label_mapping.numpy()]
        assert not weights[~mask].any()
        assert (weights[mask] != 0).mean() > 0.9


def test_what_was_measured_is_said(exported):
    folder, said = exported
    model = emptied_model()
    with torch.no_grad():
        right = int((model(pictures(40), prompted=False).logits.argmax(1) == 0).sum())
    assert f"| PyTorch, float32 | {100 * right / 40:>7.2f}% |" in said
    assert f"| model.onnx       | {100 * right / 40:>7.2f}% |               100.00% |" in said
    agreement = float(said.split("| model_int8.onnx  |")[1].split("|")[1].strip(" %"))
    assert agreement >= 80
    assert "model_int8.onnx gives a picture the same class alone and in batches of 2 and 5; of 8 pieces of a" in said
    table = said[said.index("Measured on 40 images") : said.index("% of the prunable")]
    assert table.rsplit("\n", 1)[0].strip() in (folder / "README.md").read_text()


def test_the_program_of_the_readme_says_what_the_pipeline_says(prompted, tmp_path):
    save_model(undecided_model(), tmp_path / "model")
    classify = pipeline("image-classification", tmp_path / "model")
    assert take_program(prompted, tmp_path) <= 12
    answers = []
    for picture in picture_files(tmp_path):
        answers.append(classify(str(picture))[0]["label"])
        assert run(tmp_path, prompted, str(picture)) == answers[-1]
    assert len(set(answers)) > 1
    (tmp_path / "classify.py").write_text("import torch")
    with pytest.raises(AssertionError, match="torch is not to be used"):
        run(tmp_path, prompted)


def test_the_saved_processor_gives_what_the_file_takes(prompted, tmp_path):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 23, 3), dtype=np.uint8))
    save_model(undecided_model(), tmp_path)
    model = AutoModelForImageClassification.from_pretrained(tmp_path).eval()
    ours, theirs = (
        ViTImageProcessorPil.from_pretrained(folder)(picture, return_tensors="pt")["pixel_values"]
        for folder in (prompted, tmp_path)
    )
    assert torch.equal(ours, theirs)
    with torch.no_grad():
        torch.testing.assert_close(session_of(prompted / "model.onnx")(ours), model(theirs).logits)


def test_another_answer_than_the_models_is_refused_and_leaves_nothing(monkeypatch, tmp_path):
    right = VPNsForImageClassification.forward

    def wrong(self, pixel_values, **kwargs):
        output = right(self, pixel_values, **kwargs)
        output.logits = output.logits + 0.01 * (len(pixel_values) == 5)
        return output

    monkeypatch.setattr(VPNsForImageClassification, "forward", wrong)
    said = refusal(export_onnx, folded(tiny_model()), tmp_path / "out")
    assert "differ by 0.01 for noise in a batch of 5" in said
    assert not any(tmp_path.iterdir())


def test_a_prompt_that_is_not_there_is_found_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match="no visual prompt"):
        export_onnx(folded(tiny_model(visual_prompt="none")), tmp_path / "out", prompted=True)
    assert not any(tmp_path.iterdir())


def test_a_network_that_folds_batches_into_windows(tmp_path):
    network = randomised(AutoModelForImageClassification.from_config, FAMILIES["swin"])
    source = Source(Backbone(network, IMAGENET, 32))
    calibration = [Batch(pictures(8, 32), torch.zeros(8, dtype=torch.int64))]
    exported = export_onnx(source, tmp_path / "out", calibration, pictures=ExportPictures("8 images", calibration))
    assert exported.of_files["model.onnx"].agreement == 1
    assert (
        check_agreement(session_of(tmp_path / "out" / "model.onnx"), reference_of(source, False), 32, ONNX_RUNTIME)
        < 1e-4
    )
    logits = session_of(tmp_path / "out" / "model_int8.onnx")(pictures(5, 32))
    assert logits.shape == (5, network.config.num_labels)
    assert logits.isfinite().all()


def test_a_thinner_network(tmp_path):
    model = thin_model("resnet")
    exported = export_onnx(folded(model), tmp_path / "out", prompted=True)
    pixels = pictures(count=3, size=model.config.image_size)
    found = session_of(tmp_path / "out" / "model.onnx")(pixels)
    assert torch.allclose(found, model(pixels, prompted=True).logits, atol=1e-4 * found.abs().max().item())
    assert "% of the prunable weights went, with the channels they belong to." in str(exported)
