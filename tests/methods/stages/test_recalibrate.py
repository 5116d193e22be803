"""Running statistics after a mask was found are those of the masked network, over the batches asked for."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.helpers import prune_at_random, pruned, tiny_vgg
from tests.training_helpers import dense_model, make_run, random_batches, tiny_arguments
from vpns_hf.methods import METHODS, Task
from vpns_hf.methods.stages import RecalibrateBatchNorm

BATCHES = 3


def first_norm(model) -> tuple[nn.Module, nn.BatchNorm2d]:
    """The first convolution and the batch norm behind it."""
    embedder = model.backbone.resnet.embedder.embedder
    return embedder.convolution, embedder.normalization


def recalibrated(model, batches=BATCHES):
    prompted, plain = random_batches(BATCHES), random_batches(BATCHES, seed=1)
    run = make_run(model, prompted, plain)
    RecalibrateBatchNorm(batches).apply(run)
    return prompted[:batches], plain[:batches]


@pytest.mark.parametrize("batches", [1, BATCHES])
def test_the_mean_is_over_the_batches_of_both_views(batches):
    model = prune_at_random(dense_model())
    convolution, norm = first_norm(model)
    norm.running_mean.fill_(100.0)
    prompted, plain = recalibrated(model, batches)
    with torch.no_grad():
        pixels = [model.visual_prompt(batch.pixel_values) for batch in prompted]
        pixels += [batch.pixel_values for batch in plain]
        outputs = [convolution(model.normalise(picture)) for picture in pixels]
    means = torch.stack([output.mean((0, 2, 3)) for output in outputs]).mean(0)
    variances = torch.stack([output.var((0, 2, 3)) for output in outputs]).mean(0)
    torch.testing.assert_close(norm.running_mean, means, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(norm.running_var, variances, rtol=1e-4, atol=1e-5)


def test_nothing_else_moves_and_training_goes_on_as_before():
    model = prune_at_random(dense_model())
    moving = ("running_mean", "running_var", "num_batches_tracked")
    before = {name: value.clone() for name, value in model.state_dict().items() if not name.endswith(moving)}
    recalibrated(model)
    for name, value in before.items():
        assert torch.equal(model.state_dict()[name], value), name
    assert first_norm(model)[1].momentum == 0.1
    assert not any(module.training for module in model.modules())


def test_more_batches_than_an_epoch_has():
    model = prune_at_random(dense_model())
    recalibrated(model, 2 * BATCHES)
    twice = first_norm(model)[1].running_mean.clone()
    recalibrated(model, BATCHES)
    torch.testing.assert_close(first_norm(model)[1].running_mean, twice)  # the given epochs are all alike


def test_a_network_without_batch_norm_is_said(caplog):
    recalibrated(pruned(tiny_vgg(batch_norm=False)))
    assert "bn_recalibration does nothing" in caplog.text


def test_it_stands_between_the_mask_and_fine_tuning(tmp_path):
    task = Task(sparsity=0.5, images=40, classes=3)
    stages = METHODS["vpns"].stages(tiny_arguments(tmp_path, bn_recalibration=4), task)
    names = [stage.name for stage in stages]
    assert names == ["label_mapping", "find_mask", "measure", "bn_recalibration", "measure", "finetune"]
    assert stages[3].batches == 4
    assert "bn_recalibration" not in [stage.name for stage in METHODS["vpns"].stages(tiny_arguments(tmp_path), task)]
