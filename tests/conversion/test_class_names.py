from __future__ import annotations

import datasets
import pytest
from PIL import Image

from vpns_hf.conversion import dataset_class_names, read_class_names
from vpns_hf.errors import InputError


def test_one_name_per_line(tmp_path):
    (tmp_path / "names.txt").write_text("cat \ngreat white shark\r\nöre\n", encoding="utf-8")
    assert read_class_names(tmp_path / "names.txt") == ["cat", "great white shark", "öre"]


@pytest.mark.parametrize("content", [b"", b"cat\n\ndog\n", b"\xff\xfe"])
def test_files_of_no_names(content, tmp_path):
    (tmp_path / "names.txt").write_bytes(content)
    with pytest.raises(InputError, match="one name per line"):
        read_class_names(tmp_path / "names.txt")
    with pytest.raises(InputError, match="No such file"):
        read_class_names(tmp_path / "none.txt")


@pytest.mark.parametrize("split", ["train", "test"])
def test_names_of_a_data_set(split, tmp_path):
    for label in (datasets.ClassLabel(names=["cat", "dog"]), datasets.Value("int64")):
        features = datasets.Features({"image": datasets.Image(), "label": label})
        rows = datasets.Dataset.from_dict({"image": [Image.new("RGB", (4, 4))], "label": [1]}, features=features)
        datasets.DatasetDict({split: rows}).save_to_disk(tmp_path / type(label).__name__)
    assert dataset_class_names(str(tmp_path / "ClassLabel")) == ["cat", "dog"]
    with pytest.raises(InputError, match=r"'label' of .* names no classes"):
        dataset_class_names(str(tmp_path / "Value"))
