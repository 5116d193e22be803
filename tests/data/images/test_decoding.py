from __future__ import annotations

import io
import warnings

import datasets
import numpy as np
import pytest
from PIL import Image
from transformers.image_utils import load_image

from tests.helpers import tiny_model
from vpns_hf.data.images import (
    BadImage,
    ImageDecoder,
    StoredDecoder,
    decoding,
    is_misread,
    to_planes,
    to_rgb,
    to_square,
)
from vpns_hf.jobs.output import image_processor


def stored(image: Image.Image, file_format: str = "PNG", **options) -> dict:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return {"bytes": file.getvalue(), "path": None}


def decode_image(stored: dict) -> Image.Image:
    [image] = StoredDecoder().decode([0], [stored], [None])
    return Image.fromarray(image.pixels[0].transpose(1, 2, 0))


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


WIDE = {
    "sixteen bits": (np.array([[0, 256, 65535]], np.uint16), [0, 1, 255]),
    "numbers beyond them": (np.array([[0, 256, 70000]], np.int32), [0, 1, 255]),
    "fractions": (np.array([[0, 0.5, 1]], np.float32), [0, 128, 255]),
    "large floats": (np.array([[0, 512, 3000]], np.float32), [0, 2, 11]),
    "no number": (np.array([[0, np.nan, 0.25]], np.float32), [0, 0, 64]),
}
NARROW = {
    "small numbers": np.array([[0, 7, 255]], np.uint16),
    "small signed numbers": np.array([[0, 7, 255]], np.int32),
    "a mask": np.array([[0, 1, 1]], np.int32),
    "floats of grey levels": np.array([[0, 7.4, 255]], np.float32),
    "black": np.zeros((1, 3), np.float32),
}


@pytest.mark.parametrize(("values", "pixels"), WIDE.values(), ids=WIDE)
def test_what_a_processor_cuts_off_is_misread(values, pixels):
    image = Image.fromarray(values)
    assert is_misread(image)
    assert np.asarray(to_rgb(image))[0, :, 0].tolist() == pixels


@pytest.mark.parametrize("values", NARROW.values(), ids=NARROW)
def test_grey_levels_in_a_wide_mode_are_what_they_are(values):
    image = Image.fromarray(values)
    assert not is_misread(image)
    assert np.abs(np.asarray(to_rgb(image), float)[0, :, 0] - values).max() <= 1


def in_mode(mode: str) -> Image.Image:
    """A picture of random colours in a mode of Pillow."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    deep = pixels[..., 0].astype(np.uint16) * 257
    if mode in ("I;16", "I;16B", "I;16L"):
        return Image.frombytes(mode, (30, 20), deep.astype(">u2" if mode == "I;16B" else "<u2").tobytes())
    if mode in ("I", "F"):
        return Image.fromarray(deep.astype(np.int32) if mode == "I" else (deep / 65535).astype(np.float32))
    if mode == "LAB":
        return Image.frombytes("LAB", (30, 20), pixels.tobytes())
    picture = Image.fromarray(pixels)
    for through in {"RGBa": ["RGBA"], "La": ["LA"], "PA": ["P"]}.get(mode, []):
        picture = picture.convert(through)
    return picture.convert(mode)


MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")
DEEP_MODES = ("I", "I;16", "I;16B", "I;16L", "F")


@pytest.mark.parametrize("mode", MODES + DEEP_MODES)
def test_training_sees_the_pixels_of_the_processor_or_says_that_it_does_not(mode):
    image, processor = in_mode(mode), image_processor(tiny_model())
    ours = to_planes(to_square(to_rgb(image), 16)).astype(float)
    for given in (image, load_image(image)):  # as it is, and as `pipeline` opens it
        seen = 255 * processor(given, return_tensors="np")["pixel_values"][0]
        assert (np.abs(ours - seen).max() <= 1) == (mode not in DEEP_MODES)
    assert is_misread(image) == (mode in DEEP_MODES)


@pytest.mark.parametrize(
    ("mode", "transparency"),
    [("P", 2), ("P", bytes([0, 128, 255, 10])), ("L", 7), ("RGB", (255, 0, 0)), ("RGB", None), ("1", 0)],
)
def test_a_transparent_colour_is_seen_as_pipeline_sees_it(mode, transparency):
    """Which puts it on white, where a file names one colour for it."""
    stored = io.BytesIO()
    pixels = np.random.default_rng(0).choice([0, 7, 255], (20, 30, 3)).astype(np.uint8)
    picture = Image.fromarray(pixels).quantize(4) if mode == "P" else Image.fromarray(pixels).convert(mode)
    picture.save(stored, "PNG", **({} if transparency is None else {"transparency": transparency}))
    ours = to_planes(to_square(to_rgb(Image.open(stored)), 16)).astype(float)
    seen = image_processor(tiny_model())(load_image(Image.open(stored)), return_tensors="np")["pixel_values"][0]
    assert np.abs(ours - 255 * seen).max() <= 1


def test_a_mode_that_nothing_reads_is_bad():
    assert "La" not in MODES
    with pytest.raises(ValueError, match="not supported"):
        to_rgb(in_mode("La"))


def test_exif_orientation():
    image = Image.fromarray(np.array([[10, 200, 90], [10, 200, 90]], dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    turned = decode_image(stored(image, exif=exif.tobytes()))
    assert turned.size == (2, 3)
    assert [turned.getpixel((0, row))[0] for row in range(3)] == [10, 200, 90]


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
    in_chunks = [image.pixels[0] for chunk in decoder.chunks([None]) for image in chunk]
    chosen = [image.pixels[0] for image in decoder.decode([149, 3, 3, 0], [None])]
    assert np.array_equal(in_chunks, expected)
    assert np.array_equal(chosen, np.stack(expected)[[149, 3, 3, 0]])


def test_every_size_of_a_row_comes_from_one_decoding(make_split, monkeypatch):
    calls = []
    monkeypatch.setattr(datasets.Image, "decode_example", lambda *given: calls.append(given) or Image.new("L", (6, 8)))
    [image] = ImageDecoder(make_split([0], size=(8, 6)), "image").decode([0], [4, None, 9])
    assert [pixels.shape for pixels in image.pixels] == [(3, 4, 4), (3, 8, 6), (3, 9, 9)]
    assert len(calls) == 1


def test_a_bad_image_has_the_number_of_its_row(make_split):
    split = datasets.concatenate_datasets([make_split([0]), make_split([1])])
    broken = datasets.Dataset.from_dict(
        {"image": [{"bytes": b"?", "path": "a.png"}], "label": [0]}, features=split.features
    )
    first, bad = ImageDecoder(datasets.concatenate_datasets([split, broken]), "image").decode([1, 2], [4])
    assert first.pixels[0].shape == (3, 4, 4)
    assert bad == BadImage(2, "not in a format that Pillow reads", "a.png")


def test_lack_of_memory_is_not_blamed_on_the_image(make_split, monkeypatch):
    def exhausted(*given):
        raise MemoryError

    monkeypatch.setattr(datasets.Image, "decode_example", exhausted)
    with pytest.raises(MemoryError):
        ImageDecoder(make_split([0]), "image").decode([0], [4])
