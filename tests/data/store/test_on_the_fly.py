from __future__ import annotations

import datasets
import pytest
import torch

from tests.data.broken import with_broken
from vpns_hf.data import EvalBatches, EvalTransform, ImageStore, TrainBatches, TrainTransform
from vpns_hf.data.images import decoding
from vpns_hf.data.store import UncachedImages, disk_space
from vpns_hf.errors import InputError

ROWS = torch.tensor([5, 0, 0, 130, 7])


@pytest.fixture
def opened(tmp_path, columns):
    """The images of a split, kept on disk or not."""

    def build(split, sizes, caching, folder="cache", **options):
        return ImageStore(columns, tmp_path / folder, caching, **options).open(split, sizes)

    return build


def mixed(make_split) -> datasets.Dataset:
    return datasets.concatenate_datasets([make_split([0, 1] * 66, size=(3, 3)), make_split([2, 1], size=(3, 4))])


@pytest.mark.parametrize("sizes", [[36], [4], [36, 4]])
@pytest.mark.parametrize("kind", ["one size", "mixed sizes", "bad images"])
def test_the_same_bytes_as_on_disk(opened, make_split, sizes, kind):
    split = mixed(make_split) if kind == "mixed sizes" else make_split([0, 1, 2] * 50, size=(6, 6))
    split = with_broken(split, [0, 6, 9]) if kind == "bad images" else split
    kept = opened(split, sizes, "yes", "kept", on_bad_image="skip")
    uncached = opened(split, sizes, "no", on_bad_image="skip")
    for ours, theirs in zip(uncached, kept, strict=True):
        assert isinstance(ours, UncachedImages)
        assert torch.equal(ours.read(ROWS), theirs.read(ROWS))
        assert torch.equal(ours.labels, theirs.labels)
        assert (len(ours), ours.skipped) == (len(theirs), theirs.skipped)


def test_the_same_batches_as_from_disk(opened, make_split):
    split = make_split([0, 1, 2] * 10, size=(9, 9))
    kept, uncached = [opened(split, [9], how, how)[0] for how in ("yes", "no")]
    for build in (
        lambda cache: TrainBatches(cache, TrainTransform(8), batch_size=8, seed=3, stream="plain").epoch(1),
        lambda cache: EvalBatches(cache, EvalTransform(8), batch_size=8),
    ):
        for ours, theirs in zip(build(uncached), build(kept), strict=True):
            assert torch.equal(ours.pixel_values, theirs.pixel_values)
            assert torch.equal(ours.labels, theirs.labels)


@pytest.fixture
def no_room(monkeypatch):
    """A disk on which nothing fits."""
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 0}))


def test_nothing_but_what_is_bad_is_written(opened, make_split, tmp_path, monkeypatch, no_room):
    split = with_broken(make_split([0, 1, 2] * 50), [3])
    opened(split, [4], "auto", on_bad_image="skip")
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"digests.bin", "lock", "record.json"}
    monkeypatch.setattr(decoding.ImageDecoder, "chunks", lambda *_: pytest.fail("tried again"))
    [again] = opened(split, [4], "auto", on_bad_image="skip")
    assert (len(again), again.skipped) == (149, 1)


def test_that_sizes_are_mixed_is_found_once(opened, make_split, monkeypatch, no_room):
    split = mixed(make_split)
    opened(split, [36], "auto")
    monkeypatch.setattr(decoding.ImageDecoder, "chunks", lambda *_: pytest.fail("tried again"))
    assert opened(split, [36], "auto")[0].read(ROWS).shape == (5, 3, 36, 36)


def test_room_that_is_made_later_is_used(opened, make_split, monkeypatch, no_room):
    split = make_split([0, 1])
    assert isinstance(opened(split, [4], "auto")[0], UncachedImages)
    monkeypatch.undo()
    [kept] = opened(split, [4], "yes")
    assert kept.images.shape == (2, 3, 4, 4)


@pytest.mark.parametrize("before", [False, True])
def test_no_neither_reads_nor_writes_nor_warns(opened, make_split, columns, tmp_path, caplog, before):
    split = make_split([0, 1])
    if before:
        opened(split, [4], "yes")
        next(tmp_path.rglob("images.bin")).write_bytes(b"damaged")
    there = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    store = ImageStore(columns, tmp_path / "cache", "no")
    assert store.space(split, [4]).needed == 0
    assert isinstance(store.open(split, [4])[0], UncachedImages)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == there
    assert caplog.text == ""


def test_a_folder_that_cannot_be_written_is_no_matter(opened, make_split, tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    [source] = opened(make_split([0, 1]), [4], "no", "file")
    assert source.read(torch.tensor([1])).shape == (1, 3, 4, 4)
    assert caplog.text == ""
    with pytest.raises(InputError, match="VPNS_CACHE"):
        opened(make_split([0, 1]), [4], "auto", "file")


@pytest.mark.parametrize(("free", "kept"), [(106, False), (107, True)])
def test_what_does_not_fit_is_not_kept(opened, make_split, monkeypatch, caplog, free, kept):
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))
    [source] = opened(make_split([0, 1]), [4], "auto")  # 96 bytes of at most nine tenths
    assert isinstance(source, UncachedImages) is not kept
    assert ("decoding them for every batch" in caplog.text) is not kept


def test_an_image_that_is_gone(opened, make_split, tmp_path):
    make_split([0])[0]["image"].save(tmp_path / "1.png")
    split = datasets.Dataset.from_dict({"image": [str(tmp_path / "1.png")] * 2, "label": [0, 1]})
    [source] = opened(split.cast(make_split([0]).features), [4], "no")
    (tmp_path / "1.png").unlink()
    with pytest.raises(InputError, match=r"^row 1 of the train split, .*1\.png, .*no such file"):
        source.read(torch.tensor([1]))
