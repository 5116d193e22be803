"""Giving a picture to models."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
import torch
from transformers import AutoConfig, pipeline

from tests.browse.made_up import found_in, made_up_run
from tests.helpers import tiny_model
from tests.hub.runs import write_run
from vpns_hf import InputError, VggConfig, VPNsConfig
from vpns_hf.browse import LoadedModels, classify, load, load_by_own_code, models_below


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real") / "job"
    return models_below(write_run(folder, tiny_model(), {0.5: 0.9}, model="microsoft/resnet-18", dataset="cifar100"))


@pytest.fixture
def own_classes() -> Iterator[None]:
    """Registers the classes of the package again, which the code beside a model has put its own in the place of."""
    yield
    for kind in (VggConfig, VPNsConfig):
        AutoConfig.register(kind.model_type, kind, exist_ok=True)


def test_the_answers_are_those_of_the_pipeline(run, image):
    [model] = run.models
    loaded = load(model)
    answers = classify(loaded, image)
    ask = pipeline("image-classification", model=loaded.model, image_processor=loaded.processor)
    for view, answer in answers.items():
        loaded.model.config.prompt_at_inference = view == "prompted"
        told = ask(image, top_k=5)
        assert [name for name, _ in answer.classes] == [one["label"] for one in told]
        assert [share for _, share in answer.classes] == pytest.approx([one["score"] for one in told], abs=1e-6)
        assert answer.milliseconds > 0
    assert answers["prompted"].classes != answers["plain"].classes


def test_the_picture_is_shown_as_the_network_sees_it(run, image):
    loaded = load(run.models[0])
    answers = classify(loaded, image)
    pixels = loaded.processor(image, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        framed = loaded.model.visual_prompt(pixels)
    for view, expected in (("plain", pixels), ("prompted", framed)):
        levels = (255 * expected[0]).round().to(torch.uint8).permute(1, 2, 0).numpy()
        assert answers[view].seen.tobytes() == levels.tobytes()
    assert answers["plain"].seen.tobytes() != answers["prompted"].seen.tobytes()


def test_code_beside_a_model_is_run_only_where_that_is_asked_for(run, tmp_path, own_classes):
    copy = shutil.copytree(run.models[0].job_folder, tmp_path / "job")
    [model] = models_below(copy).models
    assert type(load_by_own_code(model).model).__module__.startswith("transformers_modules.")
    hostile = model.folder / "modeling_vpns.py"
    hostile.write_text(f"open({str(tmp_path / 'run')!r}, 'w')\nraise ImportError('run')\n")
    assert type(load(model).model).__module__ == "vpns_hf.models.modeling_vpns"
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match="sparsity-50 cannot be loaded by its own code: run"):
        load_by_own_code(model)
    assert (tmp_path / "run").exists()


def test_models_used_last_stay_in_memory_and_others_go(tmp_path):
    models = found_in(tmp_path, {name: [made_up_run(0.5, 0.8)] for name in "abc"}).by_key
    a, b, c = models.values()
    loads = []
    loaded = LoadedModels(lambda model: loads.append(model.key[0]) or object(), kept=2)
    assert loaded.get(a) is loaded.get(a)
    for model in (b, a, c, a, b):
        loaded.get(model)
    assert loads == ["a", "b", "c", "b"]


def test_weights_that_cannot_be_read_are_told_in_a_line(tmp_path):
    [model] = found_in(tmp_path, {"a": [made_up_run(0.5, 0.8)]}).models
    with pytest.raises(InputError, match="holds no pruned model"):
        load(model)
