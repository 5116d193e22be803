from __future__ import annotations

import io
import warnings

import datasets
import numpy as np
import pytest
from PIL import Image

from vpns_hf.data.images import BadImage, ImageDecoder, decode_image, decoding, to_planes, to_rgb, to_square


def stored(image: Image.Image, file_format: str = "PNG", **options) -> dict:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return {"bytes": file.getvalue(), "path": None}


@pytest.mark.parametrize(
    ("mode", "colour"), [("L", 200), ("1", 1), ("RGBA", (10, 20, 30, 0)), ("LA", (5, 9)), ("RGB", (1, 2, 3))]
)
def test_every_mode_becomes_rgb(mode, colour):
    image = decode_image(stored(Image.new(mode, (3, 2), colour)))
    expected = {"L": (200,) * 3, "1": (255,) * 3, "RGBA": (10, 20, 30), "LA": (5,) * 3, "RGB": (1, 2, 3)}[mode]
    assert image.mode == "RGB"
    assert image.getpixel((0, 0)) == expected


def test_cmyk():
    image = decode_image(stored(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "TIFF"))
    assert image.getpixel((4, 4)) == (255, 0, 0)


def test_palette_with_transparency_gives_no_warning():
    image = Image.new("P", (2, 2), 1)
    image.putpalette([0, 0, 0, 9, 8, 7])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode_image(stored(image, transparency=bytes([0, 128]))).getpixel((0, 0)) == (9, 8, 7)


def test_sixteen_bits_keep_the_upper_byte():
    image = Image.fromarray(np.array([[0, 256, 65535]], dtype=np.uint16))
    assert np.asarray(decode_image(stored(image)))[0, :, 0].tolist() == [0, 1, 255]


def test_exif_orientation():
    image = Image.fromarray(np.array([[10, 200]], dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    turned = decode_image(stored(image, exif=exif.tobytes()))
    assert turned.size == (1, 2)
    assert [turned.getpixel((0, row))[0] for row in range(2)] == [10, 200]


@pytest.mark.parametrize("size", [(5, 5), (5, 6)])
def test_a_square_of_its_own_size_is_what_resizing_would_give(size):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8))
    square = to_square(image, 5)
    assert square.size == (5, 5)
    assert np.array_equal(square, image.resize((5, 5), Image.Resampling.BILINEAR))
    assert (square is image) == (size == (5, 5))


def test_square_and_planes():
    planes = to_planes(to_square(to_rgb(Image.new("RGB", (9, 4), (1, 2, 3))), 5))
    assert planes.shape == (3, 5, 5)
    assert planes.transpose(1, 2, 0).flags.c_contiguous  # channels last in memory
    assert planes.reshape(3, -1).max(axis=1).tolist() == [1, 2, 3]


@pytest.mark.parametrize("worth_a_thread", [0, 10**9])
def test_the_order_is_that_of_the_rows(make_split, monkeypatch, worth_a_thread):
    monkeypatch.setattr(decoding, "WORTH_A_THREAD", worth_a_thread)
    split = make_split([0] * 150, size=(5, 7))
    decoder = ImageDecoder(split, "image", threads=3)
    expected = [to_planes(image) for image in split["image"]]
    in_chunks = [image for chunk in decoder.chunks([None]) for [image] in chunk]
    chosen = [image for [image] in decoder.decode([149, 3, 3, 0], [None])]
    assert np.array_equal(in_chunks, expected)
    assert np.array_equal(chosen, np.stack(expected)[[149, 3, 3, 0]])


def test_every_size_of_a_row_comes_from_one_decoding(make_split, monkeypatch):
    calls = []
    decode = decoding.decode_image
    monkeypatch.setattr(decoding, "decode_image", lambda stored: calls.append(stored) or decode(stored))
    [images] = ImageDecoder(make_split([0], size=(8, 6)), "image").decode([0], [4, None, 9])
    assert [image.shape for image in images] == [(3, 4, 4), (3, 8, 6), (3, 9, 9)]
    assert len(calls) == 1


def test_a_bad_image_has_the_number_of_its_row(make_split):
    split = datasets.concatenate_datasets([make_split([0]), make_split([1])])
    broken = datasets.Dataset.from_dict(
        {"image": [{"bytes": b"?", "path": "a.png"}], "label": [0]}, features=split.features
    )
    first, bad = ImageDecoder(datasets.concatenate_datasets([split, broken]), "image").decode([1, 2], [4])
    assert first[0].shape == (3, 4, 4)
    assert bad == BadImage(2, "not in a format that Pillow reads", "a.png")


def test_lack_of_memory_is_not_blamed_on_the_image(make_split, monkeypatch):
    def exhausted(stored):
        raise MemoryError

    monkeypatch.setattr(decoding, "decode_image", exhausted)
    with pytest.raises(MemoryError):
        ImageDecoder(make_split([0]), "image").decode([0], [4])
