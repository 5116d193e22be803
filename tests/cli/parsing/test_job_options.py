from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path

import pytest

from tests.helpers import refusal
from tests.scripts.running import how_it_ends
from vpns_hf import InputError, VPNsTrainingArguments, recipes
from vpns_hf.cli.parsing import job_options, parse_arguments, recipe_tokens
from vpns_hf.jobs import InputArguments
from vpns_hf.recipes import read_recipe

NAMED = ["--model_name_or_path", "some/model", "--dataset_name", "digits"]


@pytest.fixture
def recipe(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "recipe.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def parse(tmp_path, monkeypatch):
    default = tmp_path / "default.yaml"
    default.write_text("model_name_or_path: resnet-small\ndataset_name: digits\nseed: 3\n")
    monkeypatch.setattr(recipes, "FOLDER", tmp_path)
    monkeypatch.setattr(job_options, "DEFAULT", "default")

    def run(*argv: str):
        return parse_arguments(argv, "Does it.")

    return run


@pytest.fixture
def refused(parse, capsys, monkeypatch):
    """The one line that arguments are refused with."""
    monkeypatch.setattr(sys, "argv", ["vpns prune"])
    return lambda *argv: how_it_ends(lambda: parse(*argv), capsys).refusal("vpns prune")


def test_a_recipe_becomes_tokens_as_written(recipe):
    path = recipe(
        "sparsities: [0.4, 1e-1]\nmixed_precision: no\nhorizontal_flip: false\nvisual_prompt: none\nseed: 7\n"
    )
    assert recipe_tokens(read_recipe(path)) == [
        *("--sparsities", "0.4", "1e-1"),
        *("--mixed_precision", "no"),
        *("--horizontal_flip", "false"),
        *("--visual_prompt", "none"),
        *("--seed", "7"),
    ]


@pytest.mark.parametrize("nothing", ["null", "~", "", '""'])
def test_an_option_left_empty_is_not_given(recipe, nothing):
    assert recipe_tokens(read_recipe(recipe(f"cache_dir: {nothing}\nseed: 1\n"))) == ["--seed", "1"]


def test_a_recipe_reaches_the_arguments(parse, recipe):
    path = recipe("model_name_or_path: m\ndataset_name: d\nsparsities: [0.4, 0.9]\nhorizontal_flip: false\nseed: 11\n")
    inputs, args = parse("--config", str(path))
    assert (inputs.model_name_or_path, inputs.dataset_name) == ("m", "d")
    assert (args.sparsities, args.horizontal_flip, args.seed) == ([0.4, 0.9], False, 11)


@pytest.mark.parametrize("order", [1, -1])
def test_the_command_line_goes_before_the_recipe(parse, recipe, order):
    path = recipe("model_name_or_path: m\ndataset_name: d\nsparsities: [0.4, 0.9]\nseed: 11\n")
    parts = [["--config", str(path)], ["--sparsities", "0.2", "0.3"], ["--dataset_name", "e"]][::order]
    inputs, args = parse(*(token for part in parts for token in part))
    assert (inputs.model_name_or_path, inputs.dataset_name) == ("m", "e")
    assert (args.sparsities, args.seed) == ([0.2, 0.3], 11)


def test_config_with_an_equals_sign(parse, recipe):
    path = recipe("model_name_or_path: m\ndataset_name: d\nseed: 11\n")
    assert parse(f"--config={path}")[1].seed == 11


@pytest.mark.parametrize("argv", [["--granularity", "2:4"], ["--granularity=2:4"]])
def test_sparsities_of_a_recipe_give_way_to_a_pattern_of_the_command_line(parse, recipe, argv):
    common = "model_name_or_path: m\ndataset_name: d\nsparsities: [0.4, 0.9]\n"
    for text in (common, f"{common}granularity: 1:4\n"):
        args = parse("--config", str(recipe(text)), *argv)[1]
        assert (args.granularity, args.sparsities) == ("2:4", [0.5])
    for text, given in ((common, ["--sparsities", "0.7"]), (f"{common}granularity: 2:4\n", [])):
        with pytest.raises(InputError, match=r"but granularity 2:4 is 0\.5; leave out --sparsities$"):
            parse("--config", str(recipe(text)), *argv, *given)
    assert parse("--config", str(recipe(common)), "--granularity", "kernel")[1].sparsities == [0.4, 0.9]


def test_with_nothing_named_the_default_recipe_is_read(parse):
    assert parse()[1].seed == 3
    assert parse("--sparsities", "0.1")[1].seed == 3


@pytest.mark.parametrize(
    "argv", [NAMED, ["--model-name-or-path", "m", "--dataset-name", "d"], [f"{NAMED[0]}=m", f"{NAMED[2]}=d"]]
)
def test_with_model_and_data_named_the_default_recipe_is_not_read(parse, argv):
    assert parse(*argv)[1] == VPNsTrainingArguments()


def test_the_help_names_every_option_and_ends_well(parse, capsys):
    with pytest.raises(SystemExit) as exit:
        parse("--help")
    assert exit.value.code == 0
    text = capsys.readouterr().out
    assert "Does it." in text
    for option in (*fields(InputArguments), *fields(VPNsTrainingArguments)):
        assert f"--{option.name}" in text
        assert option.metadata["help"]


def test_the_help_shows_every_option_once_and_as_it_works(parse, capsys):
    with pytest.raises(SystemExit):
        parse("--help")
    text = " ".join(capsys.readouterr().out.split())
    options = [f"--{option.name}" for option in (*fields(InputArguments), *fields(VPNsTrainingArguments))]
    assert not any(option[:2] + option[2:].replace("_", "-") in text for option in options if "_" in option)
    assert "(default: None)" not in text
    assert (
        "--config RECIPE YAML recipe with any of these options, or the name of one that `vpns config` lists;" in text
    )
    assert "; default if no model and no data set is named." in text
    assert "--sparsities VALUE [VALUE ...] Fractions" in text
    assert "each in [0, 1); 0.7 if not given" in text
    assert "--horizontal_flip [true|false] Mirror" in text
    assert "--no_horizontal_flip The same as --horizontal_flip false. " in text
    assert text.count("that of the recipe if not given.") == 2
    assert text.startswith("usage: ")
    assert "required" not in text


def test_both_spellings_of_an_option_are_understood(parse):
    assert parse(*NAMED, "--train-batch-size", "8", "--no-horizontal-flip", "--prompt", "fix")[1] == (
        VPNsTrainingArguments(train_batch_size=8, horizontal_flip=False, visual_prompt="fix")
    )


@pytest.mark.parametrize("argv", [["--nonsense", "3"], ["--nonsense=3"], ["--spars", "0.3"], ["stray"]])
def test_an_unknown_argument_is_named(refused, argv):
    assert f"unknown argument {argv[0]};" in refused(*NAMED, *argv)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (
            "modl_name_or_path: m\ndataset_name: d\n",
            "modl_name_or_path, which is no option; did you mean model_name_or_path",
        ),
        ("model_name_or_path: m\ndataset_name: d\nlerning_rate:\n", "did you mean learning_rate"),
        ("model_name_or_path: m\ndataset_name: d\nconfig: other.yaml\n", "holds config, which is no option"),
        ("1: 2\n", "holds 1, which is no option;"),
    ],
)
def test_a_misspelt_field_of_a_recipe_is_named_before_anything_that_is_missing(refused, recipe, text, meant):
    assert meant in refused("--config", str(recipe(text)))


@pytest.mark.parametrize("name", ["find-mask-epochs", "find_mask_epochs"])
def test_a_field_of_a_recipe_may_have_hyphens(parse, recipe, name):
    path = recipe(f"model_name_or_path: m\ndataset_name: d\n{name}: 4\n")
    assert parse("--config", str(path))[1].find_mask_epochs == 4


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("seed: 1.5", "'1.5'"),
        ("sparsities: [0.4, many]", "'many'"),
        ("find_mask_epochs: [3, 4]", "4"),
        ("horizontal_flip: perhaps", "perhaps"),
        ("learning_rate: {a: 1}", "learning_rate"),
    ],
)
def test_a_value_of_another_type_is_named(refused, recipe, text, named):
    path = recipe(f"model_name_or_path: m\ndataset_name: d\n{text}\n")
    assert named in refused("--config", str(path))


@pytest.mark.parametrize("argv", [NAMED[:2], NAMED[2:]])
def test_model_and_data_are_both_needed(refused, argv):
    assert "required" in refused(*argv)


def test_a_value_that_is_not_allowed(parse):
    with pytest.raises(InputError, match=r"sparsity 1\.0 .*\[0, 1\)"):
        parse(*NAMED, "--sparsities", "0.5", "1.0")


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words", "", "a: [", "\tx: 1"])
def test_a_recipe_must_hold_options(recipe, text):
    path = recipe(text)
    assert str(path) in refusal(read_recipe, path)


def test_a_recipe_names_an_option_once(recipe):
    with pytest.raises(InputError, match=r"holds seed more than once; leave one line of it$"):
        read_recipe(recipe("seed: 1\nprompt_size: 3\nseed: 2\n"))


def test_a_recipe_must_be_text(tmp_path):
    (tmp_path / "recipe.yaml").write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(InputError, match="cannot be read"):
        read_recipe(tmp_path / "recipe.yaml")


def test_a_recipe_must_be_a_file(parse, tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        parse("--config", str(tmp_path))


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("nowhere.yaml", r"there is no recipe nowhere.yaml; give a YAML file, or a name that `vpns config` lists"),
        ("defalt", r"there is no recipe defalt; did you mean default; give a YAML file"),
        ("--seed", r"--config names no recipe; give a YAML file or a shipped name, such as default"),
    ],
)
def test_a_recipe_must_be_there(parse, name, answer):
    for argv in (["--config", name], [f"--config={name}"]):
        with pytest.raises(InputError, match=answer):
            parse(*argv)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("70%", "0.7"), ("70%,90%", "0.7 0.9"), ("0.7,0.9", "0.7 0.9"), ("0.7, 12.5%", "0.7 0.125"), ("many", None)],
)
def test_a_number_in_another_usual_way_is_answered_with_what_to_write(refused, written, meant):
    line = refused("--sparsities", written)
    assert "argument --sparsities: invalid float value: " in line
    assert line.endswith(f"; write {meant}; see --help" if meant else "'many'; see --help")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        *(("sparsity", "sparsities"), ("dataset", "dataset_name"), ("model", "model_name_or_path")),
        *(("lr", "learning_rate"), ("batch_size", "train_batch_size"), ("sede", "seed"), ("acuracy", None)),
    ],
)
def test_an_unknown_option_is_answered_with_the_one_that_was_meant(refused, given, meant):
    line = refused(f"--{given}", "1")
    assert line.endswith(
        f"unknown argument --{given}" + (f"; did you mean --{meant}" if meant else "") + "; see --help"
    )
