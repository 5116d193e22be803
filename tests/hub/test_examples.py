"""The few pictures beside the models of a job."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from vpns_hf.hub import Examples, example_files, example_rows, label_of


@pytest.mark.parametrize(
    ("labels", "rows"),
    [
        ([], []),
        ([1, 0, 1], [1, 0, 2]),
        ([3, 1, 2, 0, 3, 1, 2, 0], [3, 7, 1, 5, 2, 6, 0, 4]),
        # Of 15 sorted by class every second one, the first and the last among them.
        ([0] * 10 + [1] * 4 + [2], [0, 2, 4, 6, 8, 10, 12, 14]),
    ],
)
def test_rows_are_spread_over_the_classes(labels, rows):
    assert example_rows(np.array(labels, dtype=int)) == rows


def test_pictures_are_written_exactly_with_the_name_of_their_class(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 5, 4), dtype=np.uint8)
    Examples(images, ["cat", "Eule, große", "<b>"]).write(tmp_path)
    files = example_files(tmp_path)
    assert [path.name for path in files] == ["1.png", "2.png", "3.png"]
    assert [label_of(path) for path in files] == ["cat", "Eule, große", "<b>"]
    for path, pixels in zip(files, images, strict=True):
        with Image.open(path) as image:
            assert (np.asarray(image) == pixels.transpose(1, 2, 0)).all()


def test_those_of_an_earlier_job_go(tmp_path):
    Examples(np.zeros((3, 3, 2, 2), dtype=np.uint8), ["a", "b", "c"]).write(tmp_path)
    Examples(np.zeros((1, 3, 2, 2), dtype=np.uint8), ["d"]).write(tmp_path)
    assert [label_of(path) for path in example_files(tmp_path)] == ["d"]


def test_a_picture_that_names_no_class_goes_by_its_file(tmp_path):
    Image.new("RGB", (2, 2)).save(tmp_path / "owl.png")
    assert label_of(tmp_path / "owl.png") == "owl"
