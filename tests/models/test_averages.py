"""Averages of models, and other code that writes to buffers, leave masks and label mapping exact."""

from __future__ import annotations

import copy
import io

import pytest
import torch
from torch.optim.swa_utils import (
    AveragedModel,
    get_ema_avg_fn,
    get_ema_multi_avg_fn,
    get_swa_avg_fn,
    get_swa_multi_avg_fn,
)

from tests.helpers import pictures, same, tiny_model

AVERAGES = {
    "SWA": {},
    "SWA, one by one": {"avg_fn": get_swa_avg_fn()},
    "SWA, together": {"multi_avg_fn": get_swa_multi_avg_fn()},
    "EMA": {"multi_avg_fn": get_ema_multi_avg_fn(0.9)},
    "EMA, one by one": {"avg_fn": get_ema_avg_fn(0.999)},
}


@pytest.mark.parametrize("use_buffers", [True, False])
@pytest.mark.parametrize("average", AVERAGES)
def test_the_average_of_equal_models_is_that_model(average, use_buffers):
    model = tiny_model()
    model.label_mapping.copy_(torch.tensor([1, 2, 3]))
    averaged = AveragedModel(model, use_buffers=use_buffers, **AVERAGES[average])
    for _ in range(30):
        averaged.update_parameters(model)
    assert averaged.module.label_mapping.tolist() == [1, 2, 3]
    assert averaged.module.label_mapping.dtype == torch.int64
    assert same(model.masks(), averaged.module.masks())
    assert torch.allclose(averaged(pictures()).logits, model(pictures()).logits, atol=1e-5)


def test_without_buffers_the_average_has_the_masks_of_the_model():
    model = tiny_model()
    averaged = AveragedModel(model)
    averaged.update_parameters(model)
    model.masks()["classifier.1"].view(-1)[:10] = False
    averaged.update_parameters(model)
    assert torch.equal(averaged.module.masks()["classifier.1"], model.masks()["classifier.1"])


def test_an_average_of_different_masks_keeps_what_most_keep():
    model = tiny_model()
    mask = model.masks()["classifier.1"].fill_(True)
    averaged = AveragedModel(model, use_buffers=True)
    for kept in (True, False, False, False):
        mask.fill_(kept)
        averaged.update_parameters(model)
    assert not averaged.module.masks()["classifier.1"].any()


def test_buffers_are_the_tensors_of_the_model():
    model = tiny_model()
    named = dict(model.named_buffers())
    assert [buffer.data_ptr() for buffer in model.buffers()] == [buffer.data_ptr() for buffer in named.values()]
    assert [buffer.dtype for buffer in model.buffers()] == [buffer.dtype for buffer in named.values()]
    assert all(type(buffer) is torch.Tensor for buffer in named.values())


def test_a_mean_of_state_dicts_is_rounded_when_it_is_loaded():
    model = tiny_model()
    model.label_mapping.copy_(torch.tensor([1, 2, 3]))
    state_dict = {name: sum(0.1 * value for _ in range(10)) for name, value in model.state_dict().items()}
    loaded = tiny_model(seed=3)
    loaded.load_state_dict(state_dict)
    assert loaded.label_mapping.tolist() == [1, 2, 3]
    assert torch.allclose(loaded(pictures()).logits, model(pictures()).logits, atol=1e-5)


def test_an_average_written_to_a_state_dict_leaves_the_label_mapping_as_it_is():
    model = tiny_model()
    model.label_mapping.copy_(torch.tensor([1, 2, 3]))
    around = torch.nn.Sequential(model)
    averaged = copy.deepcopy(around)
    for kept, value in zip(averaged.state_dict().values(), around.state_dict().values(), strict=True):
        kept.copy_(0.9 * kept + (1 - 0.9) * value)
    assert averaged[0].label_mapping.tolist() == [1, 2, 3]
    assert torch.allclose(averaged(pictures()).logits, around(pictures()).logits, atol=1e-5)


def test_a_copied_state_dict_is_still_rounded_and_a_stored_one_is_plain():
    model = tiny_model()
    model.label_mapping.copy_(torch.tensor([1, 2, 3]))
    copied = copy.deepcopy(model.state_dict())["label_mapping"]
    copied.copy_(0.9 * copied + (1 - 0.9) * model.label_mapping)
    assert copied.tolist() == [1, 2, 3]
    assert model.label_mapping.data_ptr() != copied.data_ptr()
    stored = io.BytesIO()
    torch.save(model.state_dict(), stored)
    stored.seek(0)
    assert type(torch.load(stored, weights_only=True)["label_mapping"]) is torch.Tensor
