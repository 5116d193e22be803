"""A loss that is not finite names the rows of the user's data set, whatever was cut from it or left out."""

from __future__ import annotations

import re
from pathlib import Path

import datasets
import pytest

from tests.helpers import refusal, tiny_resnet
from tests.training_helpers import coloured_split, tiny_arguments, with_unreadable_row
from vpns_hf import VPNsTrainer

SAID = re.compile(
    r"the loss of the (\w+) pictures is not finite in step (\d+) of epoch (\d+) of \w+ \(rows ([\d, ]+) of the train split\)"
)
DAMAGED = 5


def diverging(folder: Path, train: datasets.Dataset | datasets.IterableDataset, **changes: object) -> VPNsTrainer:
    """A trainer that cuts its validation split from the first 60 rows and leaves out what cannot be read."""
    limits = {"max_train_samples": 60, "validation_fraction": 0.3, "train_batch_size": 8, "on_bad_image": "skip"}
    args = tiny_arguments(folder, learning_rate=1e30, **limits, **changes)
    test = coloured_split(17, seed=3)
    if isinstance(train, datasets.IterableDataset):
        test = test.to_iterable_dataset()
    return VPNsTrainer(tiny_resnet(), args, train, test_dataset=test)


@pytest.mark.parametrize("kept", ["cached", "decoded anew", "streamed"])
def test_they_hold_the_images_of_that_step(tmp_path, kept):
    whole = coloured_split(80, seed=1)
    train = with_unreadable_row(whole, DAMAGED)
    if kept == "streamed":
        train = train.to_iterable_dataset()
    trainer = diverging(tmp_path, train, cache_images="no" if kept == "decoded anew" else "auto")
    view, step, epoch, named = SAID.match(refusal(trainer.train)).groups()
    used = getattr(trainer.batches(), view).rows(int(epoch), int(step) - 1)
    rows = [int(row) for row in named.split(", ")]
    assert rows != sorted(used.tolist())  # those of the images that are left
    images = trainer.images.train_upright.read(used).permute(0, 2, 3, 1).contiguous()
    expected = sorted(image.numpy().tobytes() for image in images)
    assert sorted(whole[row]["image"].tobytes() for row in rows) == expected
