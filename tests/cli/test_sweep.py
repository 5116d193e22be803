from __future__ import annotations

import json

import pytest
import yaml

from vpns_hf.cli.parsing import parse_study
from vpns_hf.recipes import STUDIES, shipped_names
from vpns_hf.studies import Cell

SHIPPED = [name.partition("/")[2] for name in shipped_names() if name.startswith(f"{STUDIES}/")]
MINE = ["--model_name_or_path", "resnet-small", "--dataset_name", "digits"]


def told(cells: list[Cell]) -> list[str]:
    return [cell.in_words for cell in cells]


def study(tmp_path, **fields: object) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"model_name_or_path": "resnet-small", "dataset_name": "digits", **fields}))
    return str(path)


def test_without_a_study_model_or_data_it_is_that_of_the_digits():
    asked = parse_study([])
    assert told(asked.cells) == told(parse_study(["digits"]).cells)
    assert asked.output_dir.as_posix() == "output/studies/digits"
    assert len(asked.cells) == 12
    assert len(parse_study(MINE).cells) == 1


def test_flags_give_the_axes():
    flags = ["--methods", "vpns", "omp", "--sparsities", "0.7", "0.9", "--seeds", "7", "9"]
    flags += ["--granularities", "weight"]
    cells = parse_study([*MINE, *flags, "--set", "visual_prompt=none,pad", "momentum=0.5"]).cells
    assert len(cells) == 2 * 2 * 2 * 2
    assert told(cells)[:2] == ["vpns at 70%, visual_prompt none, seed 7", "vpns at 70%, visual_prompt none, seed 9"]
    assert {cell.args.momentum for cell in cells} == {0.5}


def test_models_and_data_sets_are_axes_too():
    cells = parse_study(["--models", "resnet18", "vgg16", "--datasets", "cifar10", "dtd"]).cells
    assert [cell.axes for cell in cells] == [
        {"model": model, "data": data} for model in ("resnet18", "vgg16") for data in ("cifar10", "dtd")
    ]
    assert [cell.args.train_batch_size for cell in cells] == [256, 64] * 2


def test_a_file_says_the_same_and_the_command_line_has_the_last_word(tmp_path):
    file = study(tmp_path, methods=["vpns", "omp"], seeds=[7, 9], set={"visual_prompt": ["none", "pad"]}, momentum=0.5)
    flags = ["--methods", "vpns", "omp", "--seeds", "7", "9", "--set", "visual_prompt=none,pad", "--momentum", "0.5"]
    assert parse_study([file]).cells == parse_study([*MINE, *flags]).cells
    longer = parse_study([file, "--seeds", "7", "9", "17", "--momentum", "0.9"]).cells
    assert len(longer) == 12
    assert {cell.args.momentum for cell in longer} == {0.9}


def test_several_values_where_one_is_due_are_an_axis(tmp_path):
    listed = study(tmp_path, method=["vpns", "omp"], seed=[7, 9], visual_prompt=["none", "pad"], sparsities=[0.7, 0.9])
    asked = parse_study([listed]).cells
    assert len(asked) == 16
    file = study(
        tmp_path, methods=["vpns", "omp"], seeds=[7, 9], set={"visual_prompt": ["none", "pad"]}, sparsities=[0.7, 0.9]
    )
    assert asked == parse_study([file]).cells
    words = study(
        tmp_path, methods=["vpns", "omp"], seeds=[7, 9], set=["visual_prompt=none,pad"], sparsities=[0.7, 0.9]
    )
    assert asked == parse_study([words]).cells


def test_one_value_on_the_command_line_replaces_an_axis_of_the_file(tmp_path):
    file = study(tmp_path, seeds=[7, 9], grids=[{"methods": ["vpns"], "set": {"visual_prompt": ["none", "pad"]}}])
    assert told(parse_study([file, "--seed", "3"]).cells) == [
        "vpns at 70%, visual_prompt none, seed 3",
        "vpns at 70%, visual_prompt pad, seed 3",
    ]
    assert told(parse_study([file, "--visual_prompt=pad"]).cells) == ["vpns at 70%, seed 7", "vpns at 70%, seed 9"]
    added = parse_study([file, "--seed", "3", "--set", "momentum=0.5,0.9"]).cells
    assert len(added) == 4, "axes of the file stay beside those of the command line"


def test_a_study_is_extended_without_other_cells(tmp_path):
    file = study(tmp_path, methods=["vpns", "omp"], seeds=[7, 9])
    names = {cell.name for cell in parse_study([file]).cells}
    assert names < {cell.name for cell in parse_study([file, "--seeds", "7", "9", "17"]).cells}


def test_a_recipe_below_a_study(tmp_path):
    [cell] = parse_study([study(tmp_path, config="digits", sparsities=[0.5], finetune_epochs=2)]).cells
    assert (cell.args.prompt_size, cell.args.finetune_epochs, cell.sparsity) == (3, 2, 0.5)
    assert parse_study(["--config", "digits", "--finetune_epochs", "2", "--sparsities", "0.5"]).cells == [cell]


def test_grids_have_options_of_their_own(tmp_path):
    grids = [{"methods": ["vpns", "omp"], "seeds": [7, 9]}, {"methods": ["imp"], "equal_passes": 200}]
    cells = parse_study([study(tmp_path, sparsities=[0.9], grids=grids)]).cells
    assert [(cell.args.method, cell.args.seed, cell.args.equal_passes) for cell in cells] == [
        ("vpns", 7, "auto"),
        ("vpns", 9, "auto"),
        ("omp", 7, "auto"),
        ("omp", 9, "auto"),
        ("imp", 7, "200"),
    ]


def test_passes_are_equal_unless_each_keeps_its_own():
    asked = {"auto": [], "80": ["--equal_passes", "80"], None: ["--own_passes"]}
    assert {passes: parse_study([*MINE, *flags]).cells[0].args.equal_passes for passes, flags in asked.items()} == {
        passes: passes for passes in asked
    }


def test_the_studies_that_are_shipped():
    one = 10 * 6 + 1  # for each seed; the dense network has no sparsities
    counts = {name: len(parse_study([name]).cells) for name in SHIPPED if name != "paper_grid"}
    assert counts == {
        "digits": 12,
        "cifar100_tiny": 20,
        "granularities": 3 * 8,
        "resnet18_cifar100": 3 * one,
        "resnet50_tiny_imagenet": 3 * one,
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("diggits", "there is no recipe diggits; did you mean "),
        ("digits --methods magic", "method is 'magic'; allowed: vpns, "),
        ("digits --seed 3 --seeds 5 6", "--seed gives one value and --seeds those of an axis; leave out one of them"),
        ("digits --set visual_promt=pad", "which is no option that can vary so; did you mean visual_prompt?"),
        ("digits --set visual_prompt", "--set gives no values of visual_prompt; write them as visual_prompt=V1,V2"),
        (
            "digits --set image_mean=0.5,0.4",
            "--set names image_mean, which takes several values at once and cannot vary",
        ),
        ("digits --set colour=red", "--set names colour, which is no option that can vary so; "),
        ("digits --push_to_hub", "push_to_hub is True, but a study decides on it by itself; leave out --push_to_hub"),
        ("digits --own_passes --equal_passes 80", "--own_passes leaves each method its own, but equal_passes is 80"),
        ("digits --cell 13", "cell is 13; allowed: 1 to 12, as --dry_run lists them"),
        ("digits --address auto", "address is auto, which --engine local does not take; leave it out"),
        ("digits --jobs 0", "jobs is 0; allowed: 1 to "),
        ("digits --bogus 1", "unknown argument --bogus"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_written(vpns, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert said in vpns("sweep", *arguments.split()).refusal("vpns sweep")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("more", [[], ["--dry_run"]])
@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        (
            "job.json",
            {"identity": {"sparsities": [0.5]}, "processes": 1, "finished": {}, "versions": {}},
            "a finished job",
        ),
        ("results.json", {"dense": {}, "runs": []}, "is not of a comparison and would be replaced"),
        ("table.tex", "mine", "table.tex is not of a comparison and would be replaced; give another --output_dir"),
    ],
)
def test_what_results_would_replace_is_refused_before_anything_runs(vpns, tmp_path, more, file, content, said):
    (tmp_path / file).write_text(json.dumps(content))
    ended = vpns("sweep", "digits", "--output_dir", tmp_path, *more)
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
    assert said in ended.err
    assert [path.name for path in tmp_path.iterdir()] == [file]


def test_a_file_that_is_no_study(vpns, tmp_path):
    (tmp_path / "mine.yaml").write_text("grids: vpns\n")
    assert "is no list of axes" in vpns("sweep", tmp_path / "mine.yaml").refusal("vpns sweep")


def test_lists_of_several_values_are_no_axis(vpns, tmp_path):
    lists = study(tmp_path, image_mean=[[0.5, 0.5, 0.5], [0.4, 0.4, 0.4]])
    assert "image_mean takes several values at once and cannot vary" in vpns("sweep", lists).refusal("vpns sweep")


def test_the_dry_run_of_the_grid_of_the_paper_where_its_data_are_out_of_reach(vpns):
    ended = vpns("sweep", "paper_grid", "--dry_run", "--seeds", "7")
    assert ended.code == 0
    lines = ended.out.splitlines()  # three networks, eight data sets, 61 runs on each
    assert "Runs: 1464, of which 1464 planned" in lines
    assert "Time: not known" in lines
    assert any(line.startswith("Passes over the training images: 175680 for 1464 runs; ") for line in lines)
    assert sum(line.startswith("Not looked at, ") for line in lines) == 8


@pytest.mark.slow
def test_a_dry_run_lists_the_cells_and_what_they_cost(vpns, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = vpns("sweep", "digits", "--dry_run", "--seeds", "7")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert "  1  planned  vpns at 70%, seed 7" in lines
    assert (
        "Passes over the training images: 240 for 6 runs; beside these 55 for 2 networks that runs share, "
        "pre-trained ones and dense references" in lines
    )
    [time] = [line for line in lines if line.startswith("Time: about ")]
    assert time.endswith(" with 1 job at a time")
    assert not list(tmp_path.iterdir())
