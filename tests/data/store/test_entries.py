from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from vpns_hf.data.images.bad_images import BadImage
from vpns_hf.data.store import entries as cache_entries
from vpns_hf.data.store.entries import (
    IMAGES,
    RECORD,
    CacheRecord,
    DamagedError,
    EntryWriter,
    check_images,
    load_record,
    open_images,
)


@pytest.fixture
def entry(tmp_path, monkeypatch):
    """The folder of five images, in blocks of ten bytes, and the images."""
    monkeypatch.setattr(cache_entries, "BLOCK", 10)
    images = np.random.default_rng(0).integers(0, 256, (5, 3, 2, 4), dtype=np.uint8)
    writer = EntryWriter(tmp_path / "entry", size=3 * images.nbytes)
    for part in (images[:1], images[1:4], images[4:]):
        writer.append(part)
    record = CacheRecord("train", (3, 2, 4), 5, (BadImage(2, "the file is empty", "a.jpg"),), writer.finish())
    record.save(writer.folder)
    return writer.folder, images


def test_what_was_written_is_read(entry):
    folder, images = entry
    record = load_record(folder)
    check_images(folder, record)
    assert torch.equal(open_images(folder, record), torch.from_numpy(images))
    assert record.bad == (BadImage(2, "the file is empty", "a.jpg"),)
    assert (folder / IMAGES).stat().st_size == record.image_bytes == 120
    assert len(record.checksums) == 12


def test_every_flipped_bit_of_a_small_file_is_found(entry):
    folder, _ = entry
    content = (folder / IMAGES).read_bytes()
    for place in range(len(content)):
        (folder / IMAGES).write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(DamagedError, match="not what they were"):
            check_images(folder, load_record(folder))


def test_of_a_large_file_blocks_from_the_first_to_the_last_are_read(entry):
    folder, _ = entry
    content = bytearray((folder / IMAGES).read_bytes())
    content[-1] ^= 1
    (folder / IMAGES).write_bytes(content)
    with pytest.raises(DamagedError):
        check_images(folder, load_record(folder), limit=2)
    check_images(folder, load_record(folder), limit=1)


@pytest.mark.parametrize("size", [0, 119, 121])
def test_another_size_is_found(entry, size):
    folder, _ = entry
    with open(folder / IMAGES, "r+b") as file:
        file.truncate(size)
    with pytest.raises(DamagedError, match="size"):
        check_images(folder, load_record(folder))


def test_missing_images_are_found(entry):
    folder, _ = entry
    (folder / IMAGES).unlink()
    with pytest.raises(DamagedError, match="No such file"):
        check_images(folder, load_record(folder))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-20],
        lambda text: text.replace('"count": 5', '"count": 4'),
        lambda text: "[]",
        lambda text: "{}",
        lambda text: "\x00" * len(text),
    ],
)
def test_a_changed_record_is_found(entry, change):
    path = entry[0] / RECORD
    path.write_text(change(path.read_text()))
    with pytest.raises(DamagedError, match="record"):
        load_record(entry[0])


@pytest.mark.parametrize("digest", [cache_entries._digest, lambda content: "counted in another way"])
def test_the_record_of_another_version_is_not_read(entry, monkeypatch, digest):
    folder, _ = entry
    now = load_record(folder)
    with monkeypatch.context() as before:
        before.setattr(cache_entries, "FORMAT_VERSION", cache_entries.FORMAT_VERSION - 1)
        before.setattr(cache_entries, "_digest", digest)
        now.save(folder)
    with pytest.raises(DamagedError, match="written by another version"):
        load_record(folder)


def test_the_record_says_who_wrote_it(entry):
    assert json.loads((entry[0] / RECORD).read_text())["writer"] == cache_entries.WRITER
