from __future__ import annotations

import logging
import re

import pytest
import torch

from tests.data.broken import BROKEN, deep, encoded, with_broken, with_rows
from tests.helpers import refusal
from vpns_hf.data import ImageStore, cache_images
from vpns_hf.data.images import decoding
from vpns_hf.errors import InputError


@pytest.fixture
def store(tmp_path, columns):
    def build(split, size=12, on_bad_image="skip", **options):
        folder = tmp_path / "cache"
        return cache_images(
            split, columns, size, cache_dir=folder, on_bad_image=on_bad_image, disable_progress=True, **options
        )

    return build


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("in_file", [True, False])
def test_what_is_wrong_is_said_in_one_line(kind, in_file, store, make_split, tmp_path):
    content, words = BROKEN[kind]
    path = tmp_path / "picture.jpg"
    path.write_bytes(content)
    image = {"bytes": None, "path": str(path)} if in_file else {"bytes": content, "path": "picture.jpg"}
    split = with_rows(make_split([0, 1, 2]), {1: image})
    said = refusal(store, split, name="valid", on_bad_image="error")
    assert re.search(r"^row 1 of the valid split, .*picture\.jpg, is no", said)
    assert words in said
    assert "on_bad_image skip" in said


@pytest.mark.parametrize(
    ("image", "words"),
    [(None, "the row holds none"), ({"bytes": None, "path": "/nowhere/1.png"}, "there is no such file")],
)
def test_what_is_not_there(image, words, store, make_split):
    with pytest.raises(InputError, match=words):
        store(with_rows(make_split([0, 1]), {1: image}), on_bad_image="error")


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1)])
def test_a_side_of_one_pixel_is_bad(size, store, make_split):
    split = with_rows(make_split([0, 1, 1]), {2: {"bytes": encoded(size, "PNG"), "path": None}})
    with pytest.raises(InputError, match=rf"^row 2 of .*\({size[0]}x{size[1]} pixels, .* at least 2\)"):
        store(split, on_bad_image="error")
    rest = store(split)
    assert (len(rest), rest.skipped) == (2, 1)


@pytest.mark.parametrize("size", [(2, 2), (2, 3000), (3000, 2)])
def test_sides_of_two_pixels_are_good(size, store, make_split):
    split = with_rows(make_split([0, 1]), {0: {"bytes": encoded(size, "PNG"), "path": None}})
    assert store(split, on_bad_image="error").images.shape == (2, 3, 12, 12)


@pytest.mark.parametrize("rows", [[0], [2, 5], [1, 130, 131, 299]])
@pytest.mark.parametrize("size", [4, 36])
def test_rows_that_are_left_out_take_their_label_with_them(rows, size, store, make_split):
    labels = [row % 3 for row in range(300)]
    split = make_split(labels)
    whole, rest = store(split, size), store(with_broken(split, rows), size)
    kept = [row for row in range(300) if row not in rows]
    assert torch.equal(rest.images, whole.images[kept])
    assert rest.labels.tolist() == [labels[row] for row in kept]
    assert (whole.skipped, rest.skipped, len(rest)) == (0, len(rows), 300 - len(rows))


def test_what_is_left_out_is_said_at_every_start(store, make_split, caplog, monkeypatch):
    split = with_broken(make_split([0] * 9), [1, 2, 3, 5, 8])
    for _ in range(2):
        with caplog.at_level(logging.WARNING):
            assert store(split).skipped == 5
        assert "5 of 9 images are left out: row 1 of the train split is no readable image" in caplog.text
        assert "; and 2 more" in caplog.text
        caplog.clear()
        monkeypatch.setattr(decoding.ImageDecoder, "chunks", lambda *_: pytest.fail("decoded again"))


def test_a_later_start_may_mind_what_an_earlier_one_left_out(store, make_split):
    split = with_broken(make_split([0] * 9), [4, 6])
    store(split)
    with pytest.raises(InputError, match=r"^row 4 of the train split"):
        store(split, on_bad_image="error")


def test_a_class_must_keep_an_image(store, make_split):
    with pytest.raises(InputError, match="no image of class 'dog' of the valid split"):
        store(with_broken(make_split([0, 1, 2, 1]), [1, 3]), name="valid")
    assert len(store(with_broken(make_split([0, 2, 2]), [1]))) == 2  # a class without rows is no matter of images


def test_one_image_must_be_left(store, make_split):
    with pytest.raises(InputError, match=r"no image of the train split can be read; row 1 .*: replace the images"):
        store(with_broken(make_split([0, 1]), [0, 1]))


def test_all_sizes_leave_out_the_same_rows(tmp_path, columns, make_split):
    split = with_broken(make_split([0, 1, 2, 0], size=(8, 8)), [3])
    large, small = ImageStore(columns, tmp_path, on_bad_image="skip").open(split, [9, 4])
    assert large.labels.tolist() == small.labels.tolist() == [0, 1, 2]
    assert (large.images.shape[2:], small.images.shape[2:]) == ((9, 9), (4, 4))


@pytest.mark.parametrize("caching", ["yes", "no"])
def test_what_becomes_of_an_image_that_is_misread(caching, tmp_path, columns, make_split, caplog):
    split = with_rows(make_split([0, 1, 2, 0]), {2: deep()})

    def open_with(choice):
        [source] = ImageStore(columns, tmp_path, caching, choice).open(split.select([0, 1, 2, 3]), [12])
        return source

    with pytest.raises(
        InputError, match=r"^row 2 .* is read otherwise by image processors \(mode I;16: .* with keep$"
    ):
        open_with("error")
    with pytest.raises(InputError, match="no image of class 'owl' of the train split can be read"):
        open_with("skip")
    for _ in range(2):
        kept = open_with("keep")
        assert (len(kept), kept.skipped, kept.misread) == (4, 0, 1)
        assert kept.read(torch.tensor([2])).float().mean() < 200  # a processor sees white
    assert "1 of 4 images are kept though a saved model sees other pixels: row 2 of the train split" in caplog.text
    with pytest.raises(InputError, match=r"^row 2 "):
        open_with("error")


def test_what_cannot_be_read_cannot_be_kept(store, make_split):
    with pytest.raises(InputError, match=r"^row 1 of the train split is no readable image .* skip$"):
        store(with_broken(make_split([0, 0]), [1]), on_bad_image="keep")
