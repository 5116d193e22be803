from __future__ import annotations

import shlex
import shutil

import pytest

from tests.documents import ROOT
from vpns_hf import InputError
from vpns_hf.backbones import BACKBONES
from vpns_hf.cli.parsing import parse_arguments
from vpns_hf.data import DATASETS
from vpns_hf.hub import find_models
from vpns_hf.hub.cards import PlannedRelease, add_card, index_page, write_index
from vpns_hf.reporting import Results

PLANNED = PlannedRelease.read(ROOT / "model_cards").models
DATA = {"c10": "cifar10", "c100": "cifar100", "tiny": "tiny-imagenet"}
OF_A_CARD = {"README.md", "results.json", "recipe.yaml", "plots/prompt.png", "plots/density_by_layer.png"}


def cells(page: str, name: str) -> list[str]:
    """The row of a model."""
    [row] = [line for line in page.splitlines() if f"`{name}`" in line]
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_the_committed_folder_is_the_one_that_is_generated(tmp_path):
    """What differs is written by `python scripts/model_cards.py`."""
    copy = shutil.copytree(ROOT / "model_cards", tmp_path / "cards")
    write_index(copy)
    for name in ("README.md", "template.md"):
        assert (copy / name).read_bytes() == (ROOT / "model_cards" / name).read_bytes(), name
    assert not (ROOT / "model_cards" / "template.md").is_symlink()


def test_there_is_a_row_per_planned_model():
    names = [f"resnet18-{data}-{percent}" for data in ("c10", "c100", "tiny") for percent in (40, 60, 70)]
    assert [planned.name for planned in PLANNED] == names
    page = (ROOT / "model_cards" / "README.md").read_text()
    for planned in PLANNED:
        assert cells(page, planned.name)[-1] == f"`{planned.command}`"


@pytest.mark.parametrize("planned", PLANNED, ids=lambda planned: planned.name)
def test_the_command_of_a_planned_model_makes_it(planned, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # the recipe is found from anywhere
    launcher, launch, script, *argv = shlex.split(planned.command)
    assert (launcher, launch) == ("accelerate", "launch")
    assert (ROOT / script).is_file()
    inputs, args = parse_arguments(argv)
    arch, data, percent = planned.name.split("-")
    assert (inputs.model_name_or_path, inputs.dataset_name) == (arch, DATA[data])
    assert (arch in BACKBONES, inputs.dataset_name in DATASETS) == (True, True)
    assert (args.sparsities, args.output_dir) == ([int(percent) / 100], f"output/{planned.name}")


def test_what_was_measured_stands_in_the_index(run_dir, tmp_path):
    name = "resnet18-c100-70"
    assert "Planned" not in index_page(tmp_path)
    shutil.copy(ROOT / "model_cards" / "planned.yaml", tmp_path)
    assert cells(index_page(tmp_path), name)[2:6] == ["not measured"] * 4
    [model] = find_models(run_dir, 0.7)
    for folder in (name, "of-my-own"):
        added = add_card(model, tmp_path, folder, license="mit")
        assert {path.relative_to(added).as_posix() for path in added.rglob("*") if path.is_file()} == OF_A_CARD
        text = (added / "README.md").read_text()
        assert "license: mit\n" in text
        assert f"\n# {folder}\n" in text
        assert f'from_pretrained("{folder}"' in text
        assert len(Results.load(added / "results.json").runs) == 1
    page = index_page(tmp_path)
    assert cells(page, name)[1:6] == ["70%", "25.00%", "94.17%", "93.17%", "90.00%"]
    assert cells(page, "of-my-own")[1:6] == ["70%", "25.00%", "94.17%", "93.17%", "90.00%"]
    assert f"[`{name}`]({name}/README.md)" in page
    assert cells(page, "resnet18-c100-60")[2] == "not measured"


@pytest.mark.parametrize("name", ["..", ".", "a/b", "", "/tmp/x"])
def test_a_name_that_leads_elsewhere(run_dir, tmp_path, name):
    (tmp_path / "kept").write_text("")
    [model] = find_models(run_dir, 0.7)
    with pytest.raises(InputError, match="name is "):
        add_card(model, tmp_path, name)
    assert (tmp_path / "kept").exists()


def test_a_model_of_which_nothing_was_measured(run_dir, tmp_path):
    alone = shutil.copytree(run_dir / "sparsity-70", tmp_path / "alone")
    (alone / "results.json").unlink()
    [model] = find_models(alone)
    with pytest.raises(InputError, match="nothing was measured of"):
        add_card(model, tmp_path / "cards", "alone")


def test_the_pictures_and_files_a_committed_card_shows_are_there():
    for card in (ROOT / "model_cards").glob("*/README.md"):
        text = card.read_text()
        for path in ("plots/prompt.png", "plots/density_by_layer.png", "recipe.yaml"):
            assert (f"({path})" in text) == (card.parent / path).is_file()
        run = Results.load(card.parent / "results.json").runs[0]
        for value in (run.accuracy.prompted, run.accuracy.plain):
            assert f"{100 * value:.2f}%" in text and repr(value) in text
