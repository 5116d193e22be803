from __future__ import annotations

import os

import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor

from tests.helpers import tiny_model
from vpns_hf import InputError, VPNsForImageClassification
from vpns_hf.training.output import check_output_dir, clear_output_dir, image_processor, save_model


def fill(folder) -> None:
    """A finished run, and files of somebody else."""
    for name in ("plots", "sparsity-70", "sparsity-95.5", "notes", "sparsities"):
        (folder / name).mkdir(parents=True)
        (folder / name / "file").write_text("x")
    for name in ("results.json", "results.md", "results.csv", ".hidden"):
        (folder / name).write_text("x")


@pytest.mark.parametrize("name", ["results.json", "results.md", "plots", "sparsity-70"])
def test_results_are_replaced_only_when_asked(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=rf"already holds {name}; .*--overwrite_output_dir"):
        check_output_dir(tmp_path, overwrite=False)
    assert check_output_dir(tmp_path, overwrite=True) == tmp_path


def test_other_files_do_not_matter(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    assert check_output_dir(tmp_path, overwrite=False) == tmp_path


def test_a_folder_that_is_not_there_is_not_made_yet(tmp_path):
    assert check_output_dir(tmp_path / "a" / "b", overwrite=False) == tmp_path / "a" / "b"
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="cannot be written to"):
            check_output_dir(path, overwrite=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(InputError, match="cannot be written to"):
        check_output_dir(tmp_path / "closed" / "out", overwrite=False)


def test_the_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert check_output_dir("~/out", overwrite=False) == tmp_path / "out"


def test_clearing_takes_the_own_files_only(tmp_path):
    fill(tmp_path)
    clear_output_dir(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "notes", "results.csv", "sparsities"]


def test_a_saved_model_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    model, folder = tiny_model(), tmp_path / "sparsity-60"
    (folder / "old").mkdir(parents=True)

    def fails(*args, **kwargs) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("vpns_hf.training.output.image_processor", fails)
        with pytest.raises(OSError, match="disk full"):
            save_model(model, folder)
    assert [path.name for path in folder.iterdir()] == ["old"]
    save_model(model, folder)
    assert not (folder / "old").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["sparsity-60"]
    assert VPNsForImageClassification.from_pretrained(folder).sparsity == model.sparsity


def test_the_processor_is_the_stock_one_and_leaves_normalising_to_the_model(tmp_path):
    model = tiny_model()
    image_processor(model).save_pretrained(tmp_path)
    processor = AutoImageProcessor.from_pretrained(tmp_path)
    picture = Image.new("RGB", (16, 16), (0, 51, 255))
    pixels = processor(picture, return_tensors="pt")["pixel_values"]
    assert type(processor).__module__.startswith("transformers.")
    assert pixels.shape == (1, 3, 16, 16)
    torch.testing.assert_close(pixels[0, :, 3, 4], torch.tensor([0.0, 0.2, 1.0]))


def test_the_processor_resizes_to_the_size_of_the_model():
    pixels = image_processor(tiny_model())(Image.new("RGB", (40, 23)), return_tensors="pt")["pixel_values"]
    assert pixels.shape == (1, 3, 16, 16)
