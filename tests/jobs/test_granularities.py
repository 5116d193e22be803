"""Jobs whose masks are of kernels, or of a pattern."""

from __future__ import annotations

import json

import pytest
import torch

from tests.helpers import pictures
from tests.training_helpers import tiny_trainer
from vpns_hf import VPNsForImageClassification


@pytest.mark.slow
@pytest.mark.parametrize(("granularity", "asked"), [("kernel", 0.7), ("2:4", 0.5)])
def test_what_is_saved_has_the_granularity(tmp_path, granularity, asked):
    trainer = tiny_trainer(tmp_path, granularity=granularity, sparsities=None, score_learning_rate=0.1)
    trainer.train()
    name = f"sparsity-{round(100 * asked)}"
    model = VPNsForImageClassification.from_pretrained(tmp_path / "out" / name)
    [run] = json.loads((tmp_path / "out" / "results.json").read_text())["runs"]
    assert run["granularity"] == model.config.granularity == granularity
    assert run["scope"] == ("global" if granularity == "kernel" else "2:4")
    assert run["sparsity_requested"] == asked
    assert run["sparsity"] == model.sparsity < asked
    dense = model.to_dense()
    x = pictures(size=model.config.image_size)
    found, expected = dense(model.normalise(x)).logits, model(x, prompted=False).logits
    torch.testing.assert_close(found, expected)


def test_the_plan_says_what_a_pattern_removes_and_where_it_does_not_fit(tmp_path):
    trainer = tiny_trainer(tmp_path, granularity="2:4", sparsities=None)
    plan = str(trainer.plan())
    masks = trainer.base.masks()
    stem = masks.pop("resnet.embedder.embedder.convolution")
    removed = sum(mask.numel() for mask in masks.values()) // 2
    share = removed / (2 * removed + stem.numel())
    assert f"\n2:4 removes {100 * share:.2f}% of all weights\n" in plan
    assert (
        "\n2:4 does not fit, stay dense: resnet.embedder.embedder.convolution (3 inputs, no multiple of 4)\n" in plan
    )


def test_the_expected_size_is_that_of_the_pattern(tmp_path):
    plan = tiny_trainer(tmp_path, granularity="2:4", sparsities=None).plan()
    trainer = tiny_trainer(tmp_path, sparsities=[0.5])
    stem = trainer.base.masks()["resnet.embedder.embedder.convolution"].numel()
    assert plan.bytes_on_disk(0.5) - trainer.plan().bytes_on_disk(0.5) == pytest.approx(4 * stem / 2, abs=8)
