from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from tests.conversion.originals import CLASSES, SIDE, TINY, Original, Prompt, border, padding, square
from tests.helpers import pictures, refusal
from vpns_hf import VPNsForImageClassification
from vpns_hf.conversion import PromptFacts, convert_checkpoint
from vpns_hf.errors import InputError

PAD = Prompt("pad", border(3))


@torch.no_grad()
def assert_same_logits(
    model: VPNsForImageClassification, original: Original, density: float, size: int = SIDE
) -> None:
    x = pictures(3, size)
    for prompted in (False, True) if original.prompt else (False,):
        expected = original.logits(x, density, prompted)
        assert expected.std() > 0.01
        assert torch.allclose(model(x, prompted=prompted).logits, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("network", TINY)
def test_the_folder_computes_what_the_original_does(network, tmp_path):
    original = Original.of(TINY[network](), PAD)
    conversion = convert_checkpoint(original.save(tmp_path / "1best.pth"), density=0.6)
    conversion.save(tmp_path / "out")
    model = VPNsForImageClassification.from_pretrained(tmp_path / "out")
    assert_same_logits(model, original, 0.6)
    assert not torch.allclose(model(pictures(size=SIDE)).logits, model(pictures(size=SIDE), prompted=True).logits)
    assert model.sparsity == pytest.approx(0.4, abs=1e-3)
    assert (tmp_path / "out" / "preprocessor_config.json").is_file()
    assert (tmp_path / "out" / "modeling_vpns.py").is_file()


@pytest.mark.parametrize(
    ("prompt", "known", "size"),
    [
        (Prompt("pad", border(3)), PromptFacts(image_size=20), 20),
        (Prompt("pad", border(SIDE // 2)), PromptFacts("pad"), SIDE),
        (Prompt("fix", square(11)), PromptFacts(image_size=27), 27),
        (Prompt("fix", square(SIDE)), PromptFacts("fix"), SIDE),
        (Prompt("expand", padding(27)), PromptFacts(), 27),
        (Prompt("expand", padding(26)), PromptFacts("expand"), 26),
    ],
    ids=["pad", "pad over all", "fix", "fix over all", "uneven expand", "even expand"],
)
def test_every_prompt(prompt, known, size, tmp_path):
    original = Original.of(TINY["basic"](), prompt)
    model = convert_checkpoint(original.save(tmp_path / "a.pth"), density=0.5, prompt=known).model
    assert model.config.visual_prompt == prompt.kind
    assert_same_logits(model, original, 0.5, size)


def test_a_random_prompt_agrees_at_the_place_of_evaluation(tmp_path):
    original = Original.of(TINY["basic"](), Prompt("random", square(9)))
    known = PromptFacts(prompt_size=9)
    conversion = convert_checkpoint(original.save(tmp_path / "a.pth"), density=0.5, prompt=known)
    row, column = conversion.model.visual_prompt.eval().place()
    assert (row, column) != (0, 0)
    there = replace(original, prompt=Prompt("random", square(9, row, column)))
    assert_same_logits(conversion.model, there, 0.5)
    assert f"row {row}, column {column}" in str(conversion)


def test_no_prompt(tmp_path):
    original = Original.of(TINY["basic"]())
    conversion = convert_checkpoint(original.save(tmp_path / "a.pth"), density=0.5)
    assert conversion.model.config.visual_prompt == "none"
    assert "No prompt: pictures of 224 pixels\n" in str(conversion)
    model = convert_checkpoint(tmp_path / "a.pth", density=0.5, prompt=PromptFacts(image_size=SIDE)).model
    assert_same_logits(model, original, 0.5)


def test_all_ties_are_pruned_and_said(tmp_path):
    original = Original.of(TINY["basic"]())
    coarse = replace(original, scores={name: scores.round(decimals=1) for name, scores in original.scores.items()})
    conversion = convert_checkpoint(coarse.save(tmp_path / "a.pth"), density=0.5, prompt=PromptFacts(image_size=SIDE))
    assert_same_logits(conversion.model, coarse, 0.5)
    total = sum(scores.numel() for scores in original.scores.values())
    assert conversion.masks.ties == round((conversion.model.sparsity - 0.5) * total) > 0.01 * total
    assert f"sparsity {100 * conversion.model.sparsity:.2f}%" in str(conversion)


def test_a_layer_without_any_weight_is_said(tmp_path):
    original = Original.of(TINY["basic"]())
    original.scores["conv1"].mul_(1e-6)
    said = str(convert_checkpoint(original.save(tmp_path / "a.pth"), density=0.5))
    assert "Note: no weight is left of resnet.embedder.embedder.convolution:" in said
    assert "no weight is left" not in str(convert_checkpoint(tmp_path / "a.pth", density=1.0))


def test_density_1_keeps_every_weight(tmp_path):
    original = Original.of(TINY["basic"]())
    original.scores["conv1"].zero_()
    model = convert_checkpoint(
        original.save(tmp_path / "a.pth"), density=1.0, prompt=PromptFacts(image_size=SIDE)
    ).model
    assert model.sparsity == 0
    assert_same_logits(model, original, 1.0)


def test_what_a_run_records_is_taken(tmp_path):
    original = Original.of(TINY["basic"](), PAD)
    sizes = {"input_size": 20, "output_size": SIDE, "pad_size": 3, "mask_size": 183}
    record = {"density_list": [1, 0.6, 0.3], "prompt_method": "pad", **sizes}
    (tmp_path / "args.json").write_text(json.dumps(record))
    for name, density in (("1prune.pth", 0.6), ("2best.pth", 0.3)):
        conversion = convert_checkpoint(original.save(tmp_path / name))
        assert conversion.masks.density == density
        assert_same_logits(conversion.model, original, density, size=20)


def test_names_of_classes(tmp_path):
    original = Original.of(TINY["basic"](), PAD)
    path = original.save(tmp_path / "a.pth")
    assert convert_checkpoint(path, density=0.5).model.config.id2label == {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}
    named = convert_checkpoint(path, density=0.5, class_names=["cat", "dog", "owl"]).model.config
    assert (named.id2label[2], named.label2id["owl"]) == ("owl", 2)
    for names in (["cat", "dog"], ["cat", "dog", "cat"]):
        with pytest.raises(InputError, match=r"class names .* tells 3 classes apart"):
            convert_checkpoint(path, density=0.5, class_names=names)


def test_names_of_data_parallel(tmp_path):
    original = Original.of(TINY["basic"](), PAD)
    parallel = {f"module.{name}": tensor for name, tensor in original.state_dict.items()}
    path = original.save(tmp_path / "a.pth", state_dict=parallel, mapping_sequence=original.mapping.tolist())
    assert_same_logits(convert_checkpoint(path, density=0.5).model, original, 0.5)


@pytest.mark.parametrize("source", [-1, CLASSES])
def test_a_source_class_that_is_not_there(source, tmp_path):
    path = Original.of(TINY["basic"]()).save(tmp_path / "a.pth", mapping_sequence=[3, source])
    said = refusal(convert_checkpoint, path, density=0.5)
    assert said.startswith(f"{path}: ")
    assert f"source class {source}; the network has 0 to {CLASSES - 1}" in said
