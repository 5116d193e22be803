from __future__ import annotations

from functools import partial

import pytest
import torch
from transformers import PreTrainedModel, ResNetConfig, ResNetForImageClassification

from tests.helpers import randomised, refusal, same, tiny_resnet, tiny_vgg
from vpns_hf.backbones.layouts import LAYOUTS, Layout, layouts, stock_shapes

BOTTLENECK = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 2], num_labels=5)
MODELS = {
    "resnet": tiny_resnet,
    "resnet bottleneck": partial(randomised, ResNetForImageClassification, BOTTLENECK),
    "vgg": tiny_vgg,
    "vgg without batch norm": partial(tiny_vgg, batch_norm=False),
}
CASES = [(library, name) for library in LAYOUTS for name in MODELS]


@pytest.fixture(params=CASES, ids="-".join)
def case(request) -> tuple[Layout, PreTrainedModel]:
    library, name = request.param
    return LAYOUTS[library][name.partition(" ")[0]], MODELS[name]()


def test_every_layout_comes_once():
    found = list(layouts())
    assert len({type(layout) for layout in found}) == len(found)
    assert {type(layout) for layout in found} == {
        type(layout) for kinds in LAYOUTS.values() for layout in kinds.values()
    }


def test_stock_shapes_are_those_of_the_model(case):
    _, model = case
    assert stock_shapes(model.config) == {name: tensor.shape for name, tensor in model.state_dict().items()}


def test_names_are_one_to_one_and_cover_every_tensor(case):
    layout, model = case
    names = layout.names(model.config)
    assert names.keys() == model.state_dict().keys()
    assert len(set(names.values())) == len(names)
    assert f"{layout.head}.weight" in names.values()


def test_the_other_librarys_tensors_have_its_shapes(case):
    layout, model = case
    theirs = layout.to_theirs(model)
    assert {name: tensor.shape for name, tensor in theirs.items()} == layout.shapes(model.config)
    assert sum(tensor.numel() for tensor in theirs.values()) == sum(t.numel() for t in model.state_dict().values())


def test_there_and_back(case):
    layout, model = case
    back = layout.from_theirs(layout.to_theirs(model), model.config)
    assert back.keys() == model.state_dict().keys()
    assert same(model.state_dict(), back)


def test_memory_is_shared(case):
    layout, model = case
    theirs = layout.to_theirs(model)
    back = layout.from_theirs(theirs, model.config)
    pointers = {tensor.data_ptr() for tensor in model.state_dict().values()}
    assert {tensor.data_ptr() for tensor in theirs.values()} == pointers
    assert {tensor.data_ptr() for tensor in back.values()} == pointers


def test_a_file_without_counted_batches_starts_at_zero(case):
    layout, model = case
    theirs = layout.to_theirs(model)
    theirs = {name: tensor for name, tensor in theirs.items() if not name.endswith("num_batches_tracked")}
    back = layout.from_theirs(theirs, model.config)
    assert all(back[name] == 0 and back[name].dtype == torch.int64 for name in back if name.endswith("tracked"))
    model.load_state_dict(back, strict=True)


def test_missing_extra_and_misshaped_tensors_are_listed_together(case):
    layout, model = case
    theirs = layout.to_theirs(model)
    bias, weight = f"{layout.head}.bias", f"{layout.head}.weight"
    width = theirs[weight].shape[1]
    del theirs[bias]
    theirs |= {weight: torch.ones(4, width), "stranger": torch.ones(1)}
    message = refusal(layout.from_theirs, theirs, model.config)
    for said in (f"missing {bias}", "unexpected stranger", f"{weight} of shape (4, {width}) instead of (5, {width})"):
        assert said in message


def test_as_many_numbers_in_another_shape_are_not_taken(case):
    layout, model = case
    theirs = layout.to_theirs(model)
    weight = f"{layout.head}.weight"
    theirs[weight] = theirs[weight].T.contiguous()
    assert f"{weight} of shape" in refusal(layout.from_theirs, theirs, model.config)


def test_everything_that_is_missing_is_named(case):
    layout, model = case
    message = refusal(layout.from_theirs, {}, model.config)
    expected = [name for name in layout.shapes(model.config) if not name.endswith("num_batches_tracked")]
    assert all(f"missing {name}" in message for name in expected)
    assert message.count("missing ") == len(expected)
