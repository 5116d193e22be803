"""Whoever loads a saved model gets that model or an error, never one with other weights."""

from __future__ import annotations

import accelerate
import pytest
import torch
from accelerate import load_checkpoint_in_model
from safetensors.torch import load_file, load_model
from torch import nn
from transformers import AutoModelForImageClassification, Trainer, TrainingArguments
from transformers.trainer_utils import load_sharded_checkpoint

from tests.helpers import pictures, tiny_model
from vpns_hf import VPNsForImageClassification

WEIGHTS = "model.safetensors"
WAYS = {
    "load_state_dict": lambda model, folder: model.load_state_dict(load_file(folder / WEIGHTS)),
    "without strictness": lambda model, folder: model.load_state_dict(load_file(folder / WEIGHTS), strict=False),
    "assigned": lambda model, folder: model.load_state_dict(load_file(folder / WEIGHTS), assign=True),
    "below another module": lambda model, folder: nn.ModuleDict({"inner": model}).load_state_dict(
        {f"inner.{name}": tensor for name, tensor in load_file(folder / WEIGHTS).items()}
    ),
    "safetensors": lambda model, folder: load_model(model, folder / WEIGHTS),
    "accelerate": load_checkpoint_in_model,
    "the file alone": lambda model, folder: load_checkpoint_in_model(model, str(folder / WEIGHTS)),
}


@pytest.fixture(scope="module")
def model() -> VPNsForImageClassification:
    return tiny_model()


def untrained(model: VPNsForImageClassification) -> VPNsForImageClassification:
    return AutoModelForImageClassification.from_config(model.config).eval()


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_it_is_the_saved_model(model, way, sparse, tmp_path):
    model.save_pretrained(tmp_path, sparse=sparse)
    loaded = untrained(model)
    WAYS[way](loaded, tmp_path)
    for prompted in (True, False):
        assert torch.equal(loaded(pictures(), prompted=prompted).logits, model(pictures(), prompted=prompted).logits)
    assert loaded.sparsity == model.sparsity


@pytest.mark.parametrize(
    "load", [load_checkpoint_in_model, lambda *given: load_sharded_checkpoint(*given, strict=False)]
)
@pytest.mark.parametrize("size", ["2KB", "5KB", "10KB"])
def test_shards_give_the_saved_model_or_an_error(model, load, size, tmp_path):
    model.save_pretrained(tmp_path, max_shard_size=size)
    loaded = untrained(model)
    try:
        load(loaded, tmp_path)
    except ValueError as error:
        assert "from_pretrained" in str(error)
        assert "\n" not in str(error)
    else:
        assert torch.equal(loaded(pictures()).logits, model(pictures()).logits)


def test_a_loader_that_goes_by_names_alone_leaves_a_model_that_says_so(model, tmp_path):
    model.save_pretrained(tmp_path)
    loaded = untrained(model)
    load_checkpoint_in_model(loaded, tmp_path, device_map={"": "cpu"})
    with pytest.raises(ValueError, match=r"not its weights.*from_pretrained"):
        loaded(pictures())
    with pytest.raises(ValueError, match="not its weights"):
        loaded.source_logits(pictures(), prompted=False)


def test_a_model_may_begin_with_random_weights(model, tmp_path):
    model.save_pretrained(tmp_path)
    config = VPNsForImageClassification.from_pretrained(tmp_path).config
    config.storage_version = None
    assert VPNsForImageClassification(config)(pictures()).logits.shape == (2, 3)


def test_flipped_bits_are_noticed(model, tmp_path):
    model.save_pretrained(tmp_path)
    tensors = load_file(tmp_path / WEIGHTS)
    tensors["backbone.classifier.1.bias"][0] += 1
    with pytest.raises(ValueError, match=r"backbone\.classifier\.1\.bias has changed"):
        untrained(model).load_state_dict(tensors)


def test_half_a_layer_is_an_error(model, tmp_path):
    model.save_pretrained(tmp_path)
    for missing in ("bits", "values"):
        tensors = load_file(tmp_path / WEIGHTS)
        del tensors[f"backbone.classifier.1.weight_{missing}"]
        with pytest.raises(ValueError, match=r"classifier\.1\.weight.* came without the rest"):
            untrained(model).load_state_dict(tensors, strict=False)
    with pytest.raises(ValueError, match="came without the rest"):
        values = {name: tensor for name, tensor in load_file(tmp_path / WEIGHTS).items() if name.endswith("_values")}
        untrained(model).load_state_dict(values, strict=False)


def test_an_ordinary_state_dict_is_loaded_as_ever(model):
    loaded = tiny_model(seed=5)
    loaded.load_state_dict(model.state_dict())
    assert torch.equal(loaded(pictures()).logits, model(pictures()).logits)
    with pytest.raises(RuntimeError, match="Missing key"):
        loaded.load_state_dict({name: value for name, value in model.state_dict().items() if name != "label_mapping"})


def test_parts_can_stay_on_the_meta_device(model, tmp_path):
    model.save_pretrained(tmp_path)
    with accelerate.init_empty_weights(), pytest.raises((ValueError, NotImplementedError)):
        loaded = untrained(model)
        accelerate.load_checkpoint_and_dispatch(loaded, tmp_path, device_map={"": "cpu"})
        loaded(pictures())


class Rows(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"pixel_values": pictures(4)[index], "labels": torch.tensor(index % 3)}


def train(model: VPNsForImageClassification, folder, steps: int, **options: object) -> VPNsForImageClassification:
    arguments = TrainingArguments(
        folder, max_steps=steps, save_steps=1, per_device_train_batch_size=4, learning_rate=1e-2, report_to=[],
        lr_scheduler_type="constant", disable_tqdm=True, use_cpu=True, logging_strategy="no",
    )  # fmt: skip
    Trainer(model, arguments, train_dataset=Rows()).train(**options)
    return model.eval()


@pytest.mark.slow
def test_a_trainer_that_resumes_goes_on_with_the_saved_model(tmp_path):
    at_once = train(tiny_model(), tmp_path / "one", 2)
    train(tiny_model(), tmp_path / "two", 1)
    resumed = train(tiny_model(seed=7), tmp_path / "two", 2, resume_from_checkpoint=True)
    assert torch.allclose(resumed(pictures()).logits, at_once(pictures()).logits, atol=1e-6)
    assert resumed.sparsity == at_once.sparsity


def test_a_model_that_was_on_the_meta_device_is_whole_again(model):
    emptied = tiny_model(seed=3, image_mean=[0.1, 0.2, 0.3]).to("meta").to_empty(device="cpu")
    for name in ("image_mean", "image_std"):
        getattr(emptied, name).fill_(torch.nan)  # as memory that nobody has written to may be
    emptied.visual_prompt.prompt_mask.fill_(False)
    emptied.config.image_mean = model.config.image_mean
    emptied.load_state_dict(model.state_dict())
    assert torch.equal(emptied(pictures(), prompted=True).logits, model(pictures(), prompted=True).logits)


def test_weights_that_are_put_in_the_place_of_empty_ones(model):
    with torch.device("meta"):
        empty = VPNsForImageClassification(model.config).eval()
    empty.load_state_dict(model.state_dict(), assign=True)
    assert torch.equal(empty(pictures(), prompted=True).logits, model(pictures(), prompted=True).logits)


def test_weights_that_never_came_are_told_of_when_the_model_is_moved(model, tmp_path):
    model.save_pretrained(tmp_path)
    with accelerate.init_empty_weights():
        empty = untrained(VPNsForImageClassification.from_pretrained(tmp_path))
    with pytest.raises(
        ValueError, match=r"^this model has the configuration of a saved one, but not its weights[^\n]*$"
    ):
        empty.to("cpu")
