from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor

from tests.helpers import refusal, tiny_model
from tests.training_helpers import tiny_trainer
from vpns_hf import InputError, VPNsForImageClassification
from vpns_hf.jobs.output import (
    clear_output_dir,
    image_processor,
    refuse_foreign,
    refuse_results,
    refuse_strange_files,
    save_model,
    writable_output_dir,
)

REPORT = (
    "results.json",
    "results.md",
    "recipe.yaml",
    "job.json",
    "plots/accuracy_against_sparsity.png",
    "plots/training_curves.png",
    "plots/density_by_layer_sparsity-70.png",
    "plots/prompt_sparsity-95.5.png",
    "examples/1.png",
)
MODELS = ("sparsity-0", "sparsity-70", "sparsity-95.5", "sparsity-1e-05")
FOREIGN = (
    ".hidden",
    "notes/file",
    "plots/thesis.png",
    "examples/mine.jpg",
    "plots/deeper/training_curves.png",
    "results.csv",
    "sparsity-study.txt",
    "sparsity-30/notes.txt",
    "sparsity-40/config.json",
    "sparsity-study/config.json",
)


def check_output_dir(output_dir: str | os.PathLike, overwrite: bool) -> Path:
    """The folder results go to, looked at as a job does before it begins."""
    folder = writable_output_dir(output_dir)
    if not overwrite:
        refuse_results(folder)
    return folder


def write(path: Path, text: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def fill(folder: Path) -> None:
    """A finished run."""
    for name in REPORT:
        write(folder / name)
    for name in MODELS:
        write(folder / name / "config.json", '{"model_type": "vpns"}')
        write(folder / name / "model.safetensors")


def fill_foreign(folder: Path) -> None:
    """Files of somebody else under names like those of a run."""
    for name in FOREIGN:
        write(folder / name)
    write(folder / "sparsity-40/config.json", '{"model_type": "resnet"}')
    write(folder / "sparsity-study/config.json", '{"model_type": "vpns"}')


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", [*REPORT, *MODELS])
def test_results_are_replaced_only_when_asked(tmp_path, name):
    write(*((tmp_path / name / "config.json", '{"model_type": "vpns"}') if name in MODELS else (tmp_path / name,)))
    with pytest.raises(InputError, match=rf"already holds {re.escape(name)}; .*--overwrite_output_dir"):
        check_output_dir(tmp_path, overwrite=False)
    assert check_output_dir(tmp_path, overwrite=True) == tmp_path


def test_other_files_do_not_matter(tmp_path):
    fill_foreign(tmp_path)
    assert check_output_dir(tmp_path, overwrite=False) == tmp_path
    assert files(tmp_path) == sorted(FOREIGN)


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


@pytest.mark.parametrize("name", ["/proc/vpns/out", "a" * 300, "zero\0byte", "~nobody-of-that-name/out"])
def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert "cannot be written to" in refusal(check_output_dir, name, overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_nowhere_is_no_folder(tmp_path):
    (tmp_path / "out").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="cannot be written to"):
        check_output_dir(tmp_path / "out", overwrite=False)


def test_the_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert check_output_dir("~/out", overwrite=False) == tmp_path / "out"


def test_clearing_takes_the_own_files_only(tmp_path):
    fill(tmp_path)
    fill_foreign(tmp_path)
    for _ in range(2):
        clear_output_dir(tmp_path)
        assert files(tmp_path) == sorted(FOREIGN)
    assert not any((tmp_path / name).exists() for name in MODELS)


FOREIGN_MODELS = {
    "a file": lambda folder: folder.write_text("mine"),
    "files of somebody": lambda folder: write(folder / "thesis.tex"),
    "another model": lambda folder: write(folder / "config.json", '{"model_type": "resnet"}'),
    "a link to nowhere": lambda folder: folder.symlink_to("nowhere"),
}


@pytest.mark.parametrize("name", FOREIGN_MODELS)
def test_what_is_no_model_of_ours_is_not_replaced_by_one(tmp_path, name):
    folder = tmp_path / "out" / "sparsity-50"
    folder.parent.mkdir()
    FOREIGN_MODELS[name](folder)
    before = files(tmp_path)
    for overwrite in (False, True):
        with pytest.raises(InputError, match=f"^{folder} is no model of an earlier run, .* move it away"):
            tiny_trainer(tmp_path, sparsities=[0.7, 0.5], overwrite_output_dir=overwrite)
    assert files(tmp_path) == before
    tiny_trainer(tmp_path, sparsities=[0.7])


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_ours_or_an_empty_folder_may_be_replaced(tmp_path, name):
    write(tmp_path / name / "config.json", '{"model_type": "vpns"}')
    (tmp_path / "empty").mkdir()
    refuse_foreign([tmp_path / name, tmp_path / "empty", tmp_path / "none"])


@pytest.mark.parametrize("name", ["sparsity-70/thesis.tex", "sparsity-0/onnx/model.onnx", "sparsity-70/plots/a/b.png"])
def test_a_model_folder_is_not_replaced_with_what_somebody_put_into_it(tmp_path, name):
    fill(tmp_path)
    write(tmp_path / "sparsity-70" / "plots" / "prompt.png")
    write(tmp_path / "sparsity-70" / ".cache" / "download")
    write(tmp_path / "sparsity-study" / "mine.txt")
    refuse_strange_files(tmp_path)
    write(tmp_path / name)
    with pytest.raises(InputError, match=f"^{tmp_path / name} is no file of a run, but its folder is to be replaced"):
        refuse_strange_files(tmp_path)


@pytest.mark.slow
def test_a_job_that_replaces_another_asks_for_strange_files_first(tmp_path):
    tiny_trainer(tmp_path, sparsities=[0.5], dense_reference=False).train()
    write(tmp_path / "out" / "sparsity-50" / "notes.txt")
    with pytest.raises(InputError, match=r"sparsity-50/notes\.txt is no file of a run"):
        tiny_trainer(tmp_path, sparsities=[0.7], overwrite_output_dir=True)


def test_clearing_leaves_nothing_of_a_run(tmp_path):
    fill(tmp_path)
    clear_output_dir(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_clearing_a_folder_that_is_not_there(tmp_path):
    clear_output_dir(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_clearing_does_not_follow_links(tmp_path):
    write(tmp_path / "archive/config.json", '{"model_type": "vpns"}')
    (tmp_path / "out").mkdir()
    (tmp_path / "out/sparsity-70").symlink_to(tmp_path / "archive")
    clear_output_dir(tmp_path / "out")
    assert files(tmp_path) == ["archive/config.json"]
    assert list((tmp_path / "out").iterdir()) == []


def test_a_saved_model_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    model, folder = tiny_model(), tmp_path / "sparsity-60"
    (folder / "old").mkdir(parents=True)

    def fails(*args, **kwargs) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("vpns_hf.jobs.output.output.image_processor", fails)
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


def test_an_empty_name_is_no_folder():
    """What `--output_dir "$FOLDER"` gives where FOLDER is not set; the present folder is written `.`."""
    with pytest.raises(InputError, match="output_dir is empty; give a folder"):
        check_output_dir("", overwrite=True)
