"""Pictures that somebody gives to the page."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from vpns_hf import InputError
from vpns_hf.browse import UploadedPictures, read_picture


def test_a_picture_from_a_file_and_from_memory(tmp_path, image):
    image.save(tmp_path / "a.png")
    for source in (tmp_path / "a.png", (tmp_path / "a.png").read_bytes()):
        assert read_picture(source).tobytes() == image.tobytes()


def test_a_picture_is_turned_as_its_camera_says(image):
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # by 90 degrees
    image.save(file, "PNG", exif=exif)
    assert read_picture(file.getvalue()).tobytes() == image.transpose(Image.Transpose.ROTATE_270).tobytes()


@pytest.mark.parametrize(
    "content", [b"", b"no picture", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\n1234"]
)
def test_a_file_that_is_no_picture(content):
    with pytest.raises(InputError, match="this file is no picture that can be read; give a PNG"):
        read_picture(content)


def test_a_picture_that_is_too_large_is_not_decoded():
    file = io.BytesIO()
    Image.new("1", (10_000, 6_000)).save(file, "PNG")
    with pytest.raises(InputError, match="the picture has 10000 x 6000 pixels; give one of 50 million at most"):
        read_picture(file.getvalue())


def test_a_file_that_is_gone():
    with pytest.raises(InputError, match="no picture"):
        read_picture(Path("missing.png"))


def test_a_picture_that_two_send_at_once_is_read_for_both(tmp_path):
    path, pictures = tmp_path / "picture.png", UploadedPictures()
    Image.new("RGB", (4, 4), "red").save(path)
    assert pictures.read(path).getpixel((0, 0)) == (255, 0, 0)
    assert not path.exists()
    assert pictures.read(path).getpixel((0, 0)) == (255, 0, 0)
    with pytest.raises(InputError, match="no picture that can be read"):
        pictures.read(tmp_path / "another.png")


def test_no_more_pictures_stay_in_memory_than_fit(tmp_path):
    paths, pictures = [tmp_path / f"{number}.png" for number in range(3)], UploadedPictures(kept=2)
    for path in paths:
        Image.new("RGB", (4, 4)).save(path)
        pictures.read(path)
    assert [pictures.read(path).size for path in paths[1:]] == [(4, 4)] * 2
    with pytest.raises(InputError, match="no picture that can be read"):
        pictures.read(paths[0])
