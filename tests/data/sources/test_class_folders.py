from __future__ import annotations

import pytest

from vpns_hf.data import load_image_dataset, stream_image_dataset
from vpns_hf.errors import InputError

TRAIN = ("train/cat/1.png", "train/cat/2.png", "train/dog/1.png")
TEST = ("test/cat/1.png", "test/dog/1.png")
LAYOUTS = {
    "one split without": ((*TRAIN, "test/1.png", "test/2.png"), "the test split has no class folders, .* test/1.png"),
    "one image deeper": ((*TRAIN, *TEST, "train/cat/a/b/x.png"), "train/cat/a/b/x.png lies deeper than"),
    "one image less deep": ((*TRAIN, *TEST, "train/x.png"), "train/x.png lies less deep than"),
    "all too deep": (("train/cat/a/1.png", "train/dog/a/1.png", "test/cat/a/2.png"), "too deep, as t.*/cat/a/.*png"),
    "one class": (("train/cat/1.png", "test/cat/2.png"), "one class folder, cat, .* at least two classes"),
    "no folder": (("1.png", "2.png"), "its images, such as [12].png, lie in no folder"),
}


@pytest.fixture
def write(tmp_path, make_split):
    def build(paths: tuple[str, ...]) -> str:
        image = make_split([0])[0]["image"]
        for path in paths:
            (tmp_path / "pets" / path).parent.mkdir(parents=True, exist_ok=True)
            image.save(tmp_path / "pets" / path)
        return str(tmp_path / "pets")

    return build


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_is_wrong_with_the_layout_is_said(write, tmp_path, name):
    paths, words = LAYOUTS[name]
    folder = write(paths)
    for load, how in ((load_image_dataset, {"cache_dir": str(tmp_path / "cache")}), (stream_image_dataset, {})):
        with pytest.raises(InputError, match=f"shows no classes: .*{words}.*such as train/cat/1.jpg") as caught:
            load(folder, **how)
        assert "\n" not in str(caught.value)


def test_a_table_beside_the_images_may_give_the_classes(write, tmp_path):
    folder = write(("train/1.png", "train/2.png"))
    rows = "file_name,label\n1.png,cat\n2.png,dog\n"
    (tmp_path / "pets" / "train" / "metadata.csv").write_text(rows)
    assert load_image_dataset(folder, cache_dir=str(tmp_path / "cache"))["train"]["label"] == ["cat", "dog"]
