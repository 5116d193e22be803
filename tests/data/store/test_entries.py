from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from vpns_hf.data.images import BadImage
from vpns_hf.data.store import CacheRecord, DamagedError, EntryWriter, load_record, open_images


@pytest.fixture
def entry(tmp_path):
    """The folder of five images, and the images."""
    folder = tmp_path / "images-0123456789abcdef" / "entry"
    folder.mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 256, (5, 3, 2, 4), dtype=np.uint8)
    writer = EntryWriter(folder, size=3 * images.nbytes)
    for part in (images[:1], images[1:4], images[4:]):
        writer.append(part)
    writer.close()
    bad = (BadImage(2, "the file is empty", "a.jpg"),)
    CacheRecord("train", (3, 2, 4), 5, bad, kept=True).save(folder, folder.parent.name)
    return folder, images


def test_what_was_written_is_read(entry):
    folder, images = entry
    record = load_record(folder)
    assert torch.equal(open_images(folder, record), torch.from_numpy(images))
    assert record == CacheRecord("train", (3, 2, 4), 5, (BadImage(2, "the file is empty", "a.jpg"),), kept=True)
    assert (folder / "images.bin").stat().st_size == record.image_bytes == 120


@pytest.mark.parametrize("size", [0, 119, 121])
def test_another_size_is_found(entry, size):
    folder, _ = entry
    with open(folder / "images.bin", "r+b") as file:
        file.truncate(size)
    with pytest.raises(DamagedError, match="the size of its images is not what it was"):
        load_record(folder)


def test_missing_images_are_found(entry):
    folder, _ = entry
    (folder / "images.bin").unlink()
    with pytest.raises(DamagedError, match="No such file"):
        load_record(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text[:-20], "record cannot be read"),
        (lambda text: "[]", "record cannot be read"),
        (lambda text: "{}", "record cannot be read"),
        (lambda text: "\x00" * len(text), "record cannot be read"),
        (lambda text: text.replace('"kept"', '"keeps"'), "record cannot be read"),
        (lambda text: text.replace('"count": 5', '"count": 4'), "the size of its images"),
        (lambda text: text.replace('"format": 5', '"format": 3'), "written by another version"),
        (lambda text: text.replace('"writer": "vpns', '"writer": "some'), "written by another version"),
    ],
)
def test_a_changed_record_is_found(entry, change, words):
    path = entry[0] / "record.json"
    before = path.read_text()
    path.write_text(change(before))
    assert path.read_text() != before
    with pytest.raises(DamagedError, match=words):
        load_record(entry[0])


def test_the_record_of_an_earlier_version_is_not_read(entry):
    """As it was written when every block of bytes had a checksum."""
    old = {"writer": "vpns_hf image cache", "format": 3, "split": "train", "shape": [3, 2, 4], "count": 5, "bad": []}
    (entry[0] / "record.json").write_text(json.dumps({**old, "checksums": [1, 2], "sha256": "0123"}))
    with pytest.raises(DamagedError, match="written by another version"):
        load_record(entry[0])


def test_an_entry_in_the_place_of_another_is_found(entry):
    other = entry[0].parent.with_name("images-fedcba9876543210")
    shutil.copytree(entry[0].parent, other)
    with pytest.raises(DamagedError, match="of other images"):
        load_record(other / "entry")
