from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.helpers import tiny_resnet
from tests.training_helpers import coloured_split, tiny_arguments, tiny_trainer
from vpns_hf import VPNsTrainer
from vpns_hf.jobs import Plan
from vpns_hf.reporting import Passes

TOTAL = 4644  # weights of the tiny ResNet of tests/helpers.py


@pytest.fixture
def plan(tmp_path):
    def build(**changes: object) -> Plan:
        return tiny_trainer(tmp_path, **changes).plan()

    return build


def tensor_bytes(path: Path) -> int:
    """The size of a safetensors file without its header."""
    content = path.read_bytes()
    (header,) = struct.unpack("<Q", content[:8])
    return len(content) - 8 - header


def test_every_pruned_and_every_skipped_layer_is_named(plan):
    text = str(plan())
    for name, mask in plan().model.masks().items():
        assert name in text
        assert "x".join(map(str, mask.shape)) in text
    assert f"{TOTAL:,}" in text
    assert "BatchNorm2d" in text


def test_the_facts(plan):
    text = str(plan(sparsities=[0.5, 0.75]))
    assert "Images: 40 train, 13 validation, 17 test; 3 classes" in text
    assert "Visual prompt: pad, 336 trainable values" in text  # 3 * (4 * 16 * 2 - 4 * 2^2)
    assert "at 50% sparsity" in text
    assert "at 75% sparsity" in text


def test_the_batch_size_of_the_data_set(tmp_path):
    splits = [coloured_split(4, seed=seed) for seed in range(3)]
    args = tiny_arguments(tmp_path, train_batch_size=None)
    trainer = VPNsTrainer(tiny_resnet(), args, *splits, dataset_name="oxford_pets")
    assert "Batch size: 64, more than" in str(trainer.plan())
    assert args.train_batch_size is None
    assert "Batch size: 16\n" in str(tiny_trainer(tmp_path).plan())
    assert "Batch size: 6\n" in str(tiny_trainer(tmp_path, per_device_train_batch_size=6).plan())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"find_mask_epochs": 3, "finetune_epochs": 4}, "14 (6 search, 8 tuning) for the one sparsity"),
        (
            {"dense_reference": True, "find_mask_epochs": 3, "finetune_epochs": 4},
            "14 (6 search, 8 tuning) for the one sparsity, 14 for the dense reference",
        ),
        ({"dense_reference": True, "finetune_epochs": 4, "dense_passes": "finetune"}, "8 for the dense reference"),
        (
            {"dense_reference": True, "finetune_epochs": 2, "method": "imp", "sparsities": [0.3, 0.5]},
            "12 (8 rounds, 4 tuning) at 30%, 20 (16 rounds, 4 tuning) at 50%, 12 and 20 for the dense references",
        ),
        (
            {"dense_reference": True, "method": "imp", "sparsities": [0.3, 0.5], "equal_passes": 40},
            "40 for the dense reference",
        ),
        ({"label_mapping": "identity", "pretrain_epochs": 5}, "5 to pre-train"),
    ],
)
def test_passes_over_the_training_images(plan, changes, words):
    assert words in str(plan(**changes))


@pytest.mark.parametrize(
    ("changes", "fitted_once"),
    [
        ({"find_mask_epochs": 1}, True),
        ({"find_mask_epochs": 2}, False),
        ({"find_mask_epochs": 3, "mapping_interval": 3}, True),
        ({"find_mask_epochs": 4, "mapping_interval": 3}, False),
        ({"find_mask_epochs": 9, "method": "omp"}, True),
        ({"find_mask_epochs": 1, "label_mapping": "frequency"}, False),
    ],
)
def test_an_iterative_mapping_that_is_fitted_once_is_told_of(plan, changes, fitted_once):
    text = str(plan(**{"label_mapping": "iterative", **changes}))
    assert ("Label mapping: iterative, but fitted only once" in text) is fitted_once


@pytest.mark.parametrize(
    ("label_mapping", "epochs", "told"),
    [("frequency", 1, True), ("iterative", 1, True), ("auto", 1, False), ("frequency", 0, False)],
)
def test_a_mapping_that_forgets_what_was_trained_is_told_of(plan, label_mapping, epochs, told):
    text = str(plan(label_mapping=label_mapping, pretrain_epochs=epochs))
    assert ("fitted anew after pre-training" in text) is told


def test_a_batch_that_is_larger_than_the_data_is_told_of(plan):
    told = "Batch size: 64, more than there are training images"
    assert told in str(plan(train_batch_size=64))
    assert told not in str(plan(train_batch_size=40))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"find_mask_epochs": 0}, ["find_mask"]),
        ({"finetune_epochs": 0}, ["finetune"]),
        ({"finetune_epochs": 0, "method": "omp"}, ["finetune"]),
        ({"find_mask_epochs": 0, "method": "omp"}, []),
    ],
)
def test_stages_without_epochs_are_told_of(plan, changes, told):
    lines = [line for line in str(plan(**changes)).splitlines() if line.startswith("Nothing is trained in ")]
    assert lines == [f"Nothing is trained in {name}: it has 0 epochs" for name in told]


@pytest.mark.parametrize("method", ["vpns", "omp", "hydra"])
def test_layers_that_will_be_empty_are_told_of_before(plan, method, caplog):
    """What the plan says is what the job warns of later, by name."""
    a_plan = plan(method=method, sparsities=[0.5, 0.999], find_mask_epochs=0, finetune_epochs=0)
    [line] = [line for line in str(a_plan).splitlines() if "leaves no weight in" in line]
    assert line.startswith("At 99.9% sparsity the first mask leaves no weight in resnet.")
    assert not any((~mask).any() for mask in a_plan.model.masks().values())
    assert "leaves no weight" not in str(
        plan(method=method, sparsities=[0.999], label_mapping="identity", pretrain_epochs=1)
    )


def test_compiling_is_said_to_take_time(plan):
    assert "Compiled network: the first update of each stage takes long" in str(plan(torch_compile=True))
    assert "Compiled network" not in str(plan())


def test_the_passes_are_those_that_are_made(plan):
    a_plan = plan(find_mask_epochs=3, finetune_epochs=4)
    assert a_plan.passes(0.5) == Passes(search=2 * 3, tuning=2 * 4)
    assert a_plan.passes(0.5).total == 2 * 3 + 2 * 4
    assert a_plan.dense_passes() == []


def test_what_the_decoded_images_take(tmp_path):
    trainer = tiny_trainer(tmp_path)
    plan, size = str(trainer.plan()), 3 * 40 * 18**2 + 3 * (40 + 13 + 17) * 16**2  # training images at two sizes
    assert trainer.plan().space.needed == size
    assert f"Decoded images: about 0.09 MB in {tmp_path / 'cache'}, where" in plan
    assert "Decoded images: made anew" in str(tiny_trainer(tmp_path, cache_images="no").plan())
    trainer.batches()
    assert sum(path.stat().st_size for path in tmp_path.rglob("images.bin")) == size
    assert f"Decoded images: in {tmp_path / 'cache'} already" in str(trainer.plan())
    assert "Decoded images: made anew" in str(tiny_trainer(tmp_path, cache_images="no").plan())


@pytest.mark.slow
@pytest.mark.parametrize("sparsity", [0.5, 0.9])
def test_the_expected_size_is_the_size(tmp_path, sparsity):
    trainer = tiny_trainer(tmp_path, sparsities=[sparsity])
    expected = trainer.plan().bytes_on_disk(sparsity)
    trainer.train()
    actual = tensor_bytes(trainer.models.folder(sparsity) / "model.safetensors")
    # Tensors begin at multiples of eight bytes.
    assert actual == pytest.approx(expected, abs=8 * len(trainer.base.state_dict()))


def test_planning_writes_nothing(tmp_path):
    str(tiny_trainer(tmp_path).plan())
    assert list(tmp_path.iterdir()) == []
