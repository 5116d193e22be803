from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch

from tests.data.broken import with_broken
from tests.helpers import refusal
from vpns_hf.data import Columns, ImageStore, cache_images, prepare_splits
from vpns_hf.data.images import DecodedImage, ImageDecoder
from vpns_hf.data.store import default_cache_dir, disk_space
from vpns_hf.data.store import folder as cache_folder
from vpns_hf.errors import InputError


@pytest.fixture
def store(tmp_path, columns):
    def build(split, size, **options):
        return cache_images(split, columns, size, cache_dir=tmp_path / "cache", disable_progress=True, **options)

    return build


def planes(split: datasets.Dataset, size: int | None = None) -> torch.Tensor:
    images = [image if size is None else image.resize((size, size), 2) for image in split["image"]]
    return torch.from_numpy(np.stack([np.asarray(image).transpose(2, 0, 1) for image in images]))


def test_small_images_are_kept_as_they_are(store, make_split):
    split = make_split([0, 2, 1], size=(6, 5))
    result = store(split, 36)
    assert torch.equal(result.images, planes(split))
    assert result.labels.tolist() == [0, 2, 1]
    assert result.images.dtype == torch.uint8
    assert result.labels.dtype == torch.int64


@pytest.mark.parametrize("size", [4, 6, 7])
def test_others_are_stored_resized(store, size, make_split):
    split = make_split([0, 1], size=(6, 6))
    assert torch.equal(store(split, size).images, planes(split, size))


def test_mixed_sizes_are_stored_resized(store, make_split, monkeypatch):
    split = datasets.concatenate_datasets([make_split([0] * 300, size=(3, 3)), make_split([1], size=(3, 4))])
    assert torch.equal(store(split, 12).images, planes(split, 12))
    monkeypatch.setattr(ImageDecoder, "chunks", lambda *_: pytest.fail("decoded again"))
    assert torch.equal(store(split, 12).images, planes(split, 12))


def test_second_start_decodes_nothing(store, monkeypatch, make_split):
    split = make_split([0, 1, 2], size=(8, 8))
    first = store(split, 4).images.clone()
    monkeypatch.setattr(ImageDecoder, "chunks", lambda *_: pytest.fail("decoded again"))
    assert torch.equal(store(split, 4).images, first)


def test_builders_at_the_same_time_decode_once(store, make_split, monkeypatch):
    split, decode, started = make_split([0] * 600, size=(8, 8)), ImageDecoder.chunks, []

    def counted(decoder, sizes):
        started.append(sizes)
        yield from decode(decoder, sizes)

    monkeypatch.setattr(ImageDecoder, "chunks", counted)
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda _: store(split, 4).images, range(3)))
    assert started == [[4]]
    assert all(torch.equal(result, planes(split, 4)) for result in results)


def test_other_rows_are_another_cache(store, make_split):
    split = make_split([0, 1, 2])
    store(split, 4)
    assert torch.equal(store(split.select([2, 0]), 4).images, planes(split, 4)[[2, 0]])
    assert store(split.select([2, 0]), 4).labels.tolist() == [2, 0]


def test_unfinished_file_is_never_used(store, tmp_path, monkeypatch, make_split):
    split = make_split([0] * 300)
    monkeypatch.setattr(ImageDecoder, "chunks", broken_off)
    with pytest.raises(RuntimeError):
        store(split, 4)
    assert [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()] == ["lock"]
    monkeypatch.undo()
    assert torch.equal(store(split, 4).images, planes(split, 4))


def broken_off(decoder, sizes):
    yield [DecodedImage([np.zeros((3, size, size), dtype=np.uint8) for size in sizes], digest=0)] * 128
    raise RuntimeError("power cut")


def test_changing_the_tensor_leaves_the_file(store, make_split):
    split = make_split([0])
    store(split, 4).images.zero_()
    assert torch.equal(store(split, 4).images, planes(split, 4))


def test_unreadable_image_is_the_row_of_the_uncut_split(store, tmp_path, columns, make_split):
    split = split_of_files(tmp_path, make_split([0, 1] * 10))
    (tmp_path / "13.png").write_text("no image")
    dataset = datasets.DatasetDict({"train": split, "valid": split.select([4, 13])})
    cut = prepare_splits(dataset, columns, seed=0, validation_fraction=0.5)
    part = "train" if 13 in cut.origins["train"].rows else "validation"
    with pytest.raises(InputError, match=r"^row 13 of the train split, .*13\.png, is no readable image"):
        store(getattr(cut, part), 4, name=part, origin=cut.origins[part])
    with pytest.raises(InputError, match=r"^row 1 of the valid split, .*13\.png, is no readable image"):
        store(cut.test, 4, name="test", origin=cut.origins["test"])


@pytest.mark.parametrize("rows", [[0, 1, 2], [2, 0]])
def test_changed_file_is_decoded_again(store, tmp_path, rows, make_split):
    split = split_of_files(tmp_path, make_split([0, 1, 2])).select(rows)
    before = store(split, 4).images.clone()
    (tmp_path / "2.png").unlink()
    make_split([0], seed=1)[0]["image"].resize((9, 9)).save(tmp_path / "2.png")
    after = store(split, 4).images
    assert [torch.equal(*pair) for pair in zip(before, after, strict=True)] == [row != 2 for row in rows]


def test_changed_file_of_another_row_changes_nothing(store, tmp_path, monkeypatch, make_split):
    split = split_of_files(tmp_path, make_split([0, 1, 2])).select([1, 0])
    before = store(split, 4).images.clone()
    (tmp_path / "2.png").write_text("no image")
    monkeypatch.setattr(ImageDecoder, "chunks", lambda *_: pytest.fail("decoded again"))
    assert torch.equal(store(split, 4).images, before)


def split_of_files(folder: Path, split: datasets.Dataset) -> datasets.Dataset:
    """The same images as files "0.png" and so on, of which the rows hold the paths."""
    paths = [str(folder / f"{row}.png") for row in range(len(split))]
    for path, image in zip(paths, split["image"], strict=True):
        image.save(path)
    return datasets.Dataset.from_dict({"image": paths, "label": split["label"]}).cast(split.features)


def test_empty_split(store, make_split):
    with pytest.raises(InputError, match="empty"):
        store(make_split([]), 4)


def test_default_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("VPNS_CACHE", str(tmp_path))
    assert default_cache_dir() == tmp_path
    monkeypatch.delenv("VPNS_CACHE")
    assert default_cache_dir().parts[-2:] == (".cache", "vpns_hf")


def test_format_version_is_part_of_the_place(store, tmp_path, monkeypatch, make_split):
    split = make_split([0])
    store(split, 4)
    monkeypatch.setattr(cache_folder, "FORMAT_VERSION", -1)
    store(split, 4)
    assert len(list((tmp_path / "cache").iterdir())) == 2


@pytest.fixture
def image_store(tmp_path, columns):
    return ImageStore(columns, tmp_path / "cache")


def test_all_sizes_come_of_one_pass(image_store, make_split, monkeypatch):
    decode, passes = ImageDecoder.chunks, []
    monkeypatch.setattr(ImageDecoder, "chunks", lambda *args: passes.append(1) or decode(*args))
    split = make_split([0, 1], size=(8, 8))
    large, small, again = image_store.open(split, [9, 4, 9])
    assert len(passes) == 1
    assert large is again
    assert torch.equal(large.images, planes(split, 9))
    assert torch.equal(small.images, planes(split, 4))


def test_small_images_serve_all_sizes(image_store, make_split):
    large, small = image_store.open(make_split([0, 1], size=(8, 8)), [36, 32])
    assert large is small


@pytest.mark.parametrize("name", ["images.bin", "record.json"])
@pytest.mark.parametrize("damage", [lambda content: content[:-1], None])
def test_a_damaged_file_is_made_anew(store, make_split, tmp_path, caplog, name, damage):
    split = make_split([0, 1, 2])
    expected = store(split, 4).images.clone()
    [path] = (tmp_path / "cache").rglob(name)
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage(path.read_bytes()))
    assert torch.equal(store(split, 4).images, expected)
    said = caplog.text.count("not used but decoded anew: ")
    assert said == (0 if name == "record.json" and damage is None else 1)
    assert torch.equal(store(split, 4).images, expected)


def test_damage_is_told_once_though_it_is_looked_for_often(image_store, make_split, tmp_path, caplog):
    split = make_split([0, 1, 2])
    image_store.open(split, [36, 4])
    for record in (tmp_path / "cache").rglob("record.json"):
        record.write_text("{}")
    image_store.space(split, [36, 4])
    image_store.open(split, [36, 4])
    assert caplog.text.count("not used but decoded anew") == 2  # one for each folder
    image_store.open(split, [36, 4])
    assert caplog.text.count("not used but decoded anew") == 2


def test_what_will_be_written_is_known_before(image_store, make_split, tmp_path):
    split = make_split([0, 1, 2], size=(8, 8))
    assert image_store.space(split, [9, 4]).needed == 3 * 3 * (9 * 9 + 4 * 4)
    assert image_store.space(split, [36, 32]).needed == 3 * 3 * 8 * 8
    assert not (tmp_path / "cache").exists()
    image_store.open(split, [4])
    assert image_store.space(split, [9, 4]).needed == 3 * 3 * 9 * 9
    assert image_store.space(split, [4]).needed == 0


def test_too_little_room_is_found_before_anything_is_decoded(store, make_split, tmp_path, monkeypatch):
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 100}))
    monkeypatch.setattr(ImageDecoder, "chunks", lambda *_: pytest.fail("decoded"))
    with pytest.raises(InputError, match=r"need 1\.44 MB in .*cache, where 0\.00 MB are free; make room"):
        store(make_split([0] * 3, size=(400, 400)), 400)
    assert not list((tmp_path / "cache").rglob("*.bin"))


@pytest.fixture(params=["posix_fallocate", "fsync"])
def full_disk(request, monkeypatch) -> None:
    """One of the calls that need room finds none."""

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, request.param, full)


def test_a_disk_that_fills_up_leaves_nothing_behind(store, make_split, tmp_path, monkeypatch, full_disk):
    said = refusal(store, make_split([0] * 300), 4)
    assert re.search(r"^the disk of .*cache filled up while 0\.01 MB of .*; make room", said)
    assert [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()] == ["lock"]
    monkeypatch.undo()
    assert len(store(make_split([0] * 300), 4)) == 300


def test_a_disk_that_fills_up_is_done_without_by_itself(make_split, tmp_path, caplog, full_disk):
    split = with_broken(make_split([0, 1] * 150), [7])
    [source] = ImageStore(Columns("image", "label"), tmp_path / "cache", on_bad_image="skip").open(split, [4])
    assert torch.equal(source.read(torch.arange(7)), planes(split.select(range(7)), 4))
    assert (len(source), source.skipped) == (299, 1)
    assert caplog.text.count("filled up while") == caplog.text.count("decoding them for every batch instead") == 1
    assert not list((tmp_path / "cache").rglob("images.bin"))


BUILDER = """
import sys
from datasets import load_from_disk
from vpns_hf.data import Columns, cache_images
from vpns_hf.data.store import EntryWriter

def never_ends(writer, images):
    print("writing", flush=True)
    sys.stdin.readline()

EntryWriter.append = never_ends
split, root = sys.argv[1:]
cache_images(load_from_disk(split), Columns("image", "label"), 4, cache_dir=root, disable_progress=True)
"""


@pytest.mark.slow
def test_a_process_waits_for_another_and_takes_over_when_it_dies(store, make_split, tmp_path, caplog):
    make_split([0] * 300).save_to_disk(tmp_path / "split")
    split, root = datasets.load_from_disk(tmp_path / "split"), tmp_path / "cache"
    command = [sys.executable, "-c", BUILDER, str(tmp_path / "split"), str(root)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as building, ThreadPoolExecutor(1) as pool:
        try:
            assert building.stdout.readline() == "writing\n"
            [written] = root.rglob("images.bin")
            waiting = pool.submit(store, split, 4)
            while "waiting for it" not in caplog.text and not waiting.done():
                time.sleep(0.01)
            assert list(root.rglob("images.bin")) == [written]
        finally:
            building.kill()
    assert torch.equal(waiting.result().images, planes(split, 4))
    files = sorted(path.name for path in root.rglob("*") if path.is_file())
    assert files == ["digests.bin", "images.bin", "lock", "record.json"]
    assert not written.exists()
