"""Runs over batches given by hand, tiny data sets and arguments, for tests of stages, the loop and the trainer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForImageClassification, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import ImageClassifierOutputWithNoAttention

from tests.helpers import CLASSES, HandNet, copied, hand_pictures, pictures, pruned, tiny_resnet, tiny_vgg
from vpns_hf import VPNsForImageClassification, VPNsTrainer, VPNsTrainingArguments
from vpns_hf.data import Batch
from vpns_hf.data.provenance import Origin
from vpns_hf.reporting import ViewAccuracy
from vpns_hf.training import Callback, Evaluation, Run, RunData, loop

# Equal numbers are asked for, bit by bit, also where there is a GPU. Accelerate decides once for the whole process.
os.environ["ACCELERATE_USE_CPU"] = "1"

# Options of `vpns prune` for a job of seconds on pictures of 16 pixels.
TINY_JOB = [
    *("--image_size", 16, "--prompt_size", 2, "--train_batch_size", 16, "--find_mask_epochs", 1),
    *("--finetune_epochs", 1, "--sparsities", 0.5, "--disable_tqdm"),
]


class GivenBatches(list):
    """A list of batches that stands for a stream: every epoch gives the same ones."""

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        return iter(self[start:])

    def begin(self, epoch: int) -> None:
        """They are ready."""

    def rows(self, epoch: int, index: int) -> Tensor:
        return torch.arange(len(self[index].labels)) + 100 * index

    @property
    def origin(self) -> Origin:
        return Origin.whole({"train": 1000})


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def script_accuracies(monkeypatch: pytest.MonkeyPatch, *script: ViewAccuracy) -> None:
    """Says what each evaluation on the validation split comes to, one after the other."""
    accuracies = iter(script)

    def evaluate(*details: object) -> Evaluation:
        accuracy = next(accuracies)
        return Evaluation(accuracy, accuracy)

    monkeypatch.setattr(loop, "evaluate_views", evaluate)


@dataclass
class Recorder(Callback):
    """Keeps every loss, and the threshold before the first update and after each."""

    losses: list[float] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)

    def on_stage_begin(self, run: Run, stage) -> None:
        self._threshold(stage)

    def on_update(self, run: Run, stage, update, loss: Tensor) -> None:
        self.losses.append(loss.item())
        self._threshold(stage)

    def _threshold(self, stage) -> None:
        if hasattr(stage, "mask"):
            self.thresholds.append(float(stage.mask.threshold))


def make_run(
    model: VPNsForImageClassification,
    prompted: Sequence[Batch],
    plain: Sequence[Batch],
    mapping: Sequence[Batch] | None = None,
    recorder: Callback | None = None,
    validation: Sequence[Batch] | None = None,
    balanced: Callable[[int], Sequence[Batch]] | None = None,
    mixed_precision: str = "no",
) -> Run:
    """A run over batches; without a validation split, or images to score, if none are given."""
    data = RunData(
        GivenBatches(prompted),
        GivenBatches(plain),
        GivenBatches(plain if mapping is None else mapping),
        None if validation is None else GivenBatches(validation),
        balanced,
    )
    callbacks = [] if recorder is None else [recorder]
    return Run(model, Accelerator(cpu=True, mixed_precision=mixed_precision), data, callbacks)


class HandConfig(PreTrainedConfig):
    """Of the hand-checked net, which has nothing to configure."""

    model_type = "hand-checked-net"


class HandClassifier(PreTrainedModel):
    """The hand-checked net of tests/helpers.py as an image classifier of six classes."""

    config_class = HandConfig

    def __init__(self, config: HandConfig) -> None:
        super().__init__(config)
        self.net = HandNet()

    def forward(self, pixel_values: Tensor) -> ImageClassifierOutputWithNoAttention:
        return ImageClassifierOutputWithNoAttention(logits=self.net(pixel_values))


class ScaledConfig(PreTrainedConfig):
    """Of a network without convolutions and linear layers."""

    model_type = "scaled-channels"


class ScaledChannels(PreTrainedModel):
    """The mean of each channel times a factor: three classes, and nothing that can be pruned."""

    config_class = ScaledConfig

    def __init__(self, config: ScaledConfig) -> None:
        super().__init__(config)
        self.factors = nn.Parameter(torch.ones(3))

    def forward(self, pixel_values: Tensor) -> ImageClassifierOutputWithNoAttention:
        return ImageClassifierOutputWithNoAttention(logits=pixel_values.mean((2, 3)) * self.factors)


for classifier in (HandClassifier, ScaledChannels):
    AutoConfig.register(classifier.config_class.model_type, classifier.config_class, exist_ok=True)
    AutoModelForImageClassification.register(classifier.config_class, classifier, exist_ok=True)


def hand_model(mapping: Sequence[int] = (4, 0, 5, 2), **config_fields: object) -> VPNsForImageClassification:
    """The hand-checked net behind a frame of 2 pixels on pictures of 8, ImageNet mean and standard deviation."""
    fields = {"visual_prompt": "pad", "prompt_size": 2, "image_size": 8, **config_fields}
    model = VPNsForImageClassification.from_backbone(
        HandClassifier(HandConfig(num_labels=6)),
        id2label={index: str(index) for index in range(len(mapping))},
        **fields,
    )
    model.label_mapping.copy_(torch.tensor(mapping))
    return model


def plain_hand_model() -> VPNsForImageClassification:
    """The hand-checked net as it is: all six logits, no prompt, no normalisation."""
    return hand_model(range(6), visual_prompt="none", image_mean=[0.0] * 3, image_std=[1.0] * 3)


def hand_batches() -> tuple[Batch, Batch]:
    """The prompted and the plain batch of the hand-checked iteration, two pictures each."""
    prompted = Batch(hand_pictures(2, 3, 8, 8, rate=0.53, shift=0.4), torch.tensor([0, 2]))
    return prompted, Batch(hand_pictures(2, 3, 8, 8), torch.tensor([1, 3]))


def dense_model(seed: int = 0, **config_fields: object) -> VPNsForImageClassification:
    """An unpruned model of 3 of 5 classes on pictures of 16 pixels, with its initial prompt."""
    fields = {"id2label": CLASSES, "image_size": 16, "prompt_size": 2, **config_fields}
    return VPNsForImageClassification.from_backbone(tiny_resnet(seed=seed), **fields)


def without_batch_norm() -> VPNsForImageClassification:
    """A pruned network in which no picture has a part in what becomes of another, and nothing is dropped."""
    model = pruned(tiny_vgg(batch_norm=False))
    for layer in model.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    return model


def random_batches(count: int, size: int = 4, seed: int = 0) -> list[Batch]:
    """Batches of random pictures of 16 pixels with random labels of 3 classes."""
    labels = torch.randint(3, (count, size), generator=torch.Generator().manual_seed(seed))
    images = [pictures(size, seed=seed * 1000 + index) for index in range(count)]
    return [Batch(*pair) for pair in zip(images, labels, strict=True)]


def parameters_of(module: nn.Module) -> dict[str, Tensor]:
    """Copies of the parameters."""
    return copied(dict(module.named_parameters()))


def coloured_split(count: int, seed: int = 0, num_classes: int = 3, size: int = 16) -> datasets.Dataset:
    """Noisy pictures whose class is told by their brightest channel; classes take turns."""
    generator = np.random.default_rng(seed)
    labels = [row % num_classes for row in range(count)]
    images = generator.integers(0, 160, (count, size, size, 3), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, :, label % 3] += 60
    names = [CLASSES.get(index, str(index)) for index in range(num_classes)]
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=names)})
    return datasets.Dataset.from_dict({"image": list(images), "label": labels}, features=features)


def write_tiny_inputs(folder: Path) -> list[object]:
    """Writes a tiny network and pictures of three classes, `net` and `pictures`; returns the options that name them."""
    tiny_resnet().save_pretrained(folder / "net")
    splits = {"train": coloured_split(40), "validation": coloured_split(13), "test": coloured_split(17)}
    datasets.DatasetDict(splits).save_to_disk(folder / "pictures")
    return ["--model_name_or_path", folder / "net", "--dataset_name", folder / "pictures"]


def with_unreadable_row(split: datasets.Dataset, row: int) -> datasets.Dataset:
    """The split with bytes in one row that are no picture."""
    stored = split.cast_column("image", datasets.Image(decode=False)).to_list()
    stored[row]["image"] = {"bytes": b"no picture", "path": None}
    return datasets.Dataset.from_list(stored, features=split.features)


def tiny_arguments(folder: Path, **changes: object) -> VPNsTrainingArguments:
    """A job of one epoch per stage on pictures of 16 pixels that writes to `folder`/out."""
    values = {
        "output_dir": str(folder / "out"),
        "cache_dir": str(folder / "cache"),
        "sparsities": [0.5],
        "image_size": 16,
        "prompt_size": 2,
        "train_batch_size": 16,
        "per_device_eval_batch_size": 16,
        "find_mask_epochs": 1,
        "finetune_epochs": 1,
        "score_learning_rate": 1e-2,
        "prompt_learning_rate": 1e-2,
        "dense_reference": False,
        "disable_tqdm": True,
    }
    return VPNsTrainingArguments(**{**values, **changes})


def tiny_trainer(folder: Path, model: PreTrainedModel | str | None = None, **changes: object) -> VPNsTrainer:
    """A trainer of a tiny ResNet of five classes on 40 pictures of three, 13 to select with and 17 to test on."""
    return VPNsTrainer(
        model=tiny_resnet() if model is None else model,
        args=tiny_arguments(folder, **changes),
        train_dataset=coloured_split(40, seed=1),
        eval_dataset=coloured_split(13, seed=2),
        test_dataset=coloured_split(17, seed=3),
    )
