"""What README and the pages in docs/ show: snippets are run, commands parsed, links followed, names looked up."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import yaml
from accelerate.commands.launch import launch_command_parser

import vpns_hf
from tests.command_parsing import options_of_all_commands, parse
from tests.documents import CHANGELOG, CONTRIBUTING, DOCS, README, ROOT, Page
from tests.scripts.running import SCRIPTS, command_of
from tests.training_helpers import tiny_trainer
from vpns_hf.cli import COMMANDS
from vpns_hf.recipes import shipped_names

PAGES = [README, *DOCS]
WRITTEN = [*PAGES, CONTRIBUTING, CHANGELOG]
WITHOUT_PARSER = ("git", "cd", "cp", "source")
# What "..." stands for in a command that prunes; given first, so that what the page shows has the last word.
REQUIRED = ["--model_name_or_path", "resnet18", "--dataset_name", "digits"]
ADDED = ("sparsity",)  # CONTRIBUTING.md shows how


def pages(chosen: list[Page]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", chosen, ids=[page.name for page in chosen])


@pytest.fixture(scope="module")
def digits_model(tmp_path_factory) -> Path:
    """A tiny model that stands for one of the demonstration."""
    trainer = tiny_trainer(tmp_path_factory.mktemp("demonstration"))
    trainer.train()
    return trainer.models.folder(0.5)


@pytest.mark.slow
@pages([page for page in PAGES if page.blocks("python")])
def test_the_python_of_a_page_runs_where_the_demonstration_was_run(page, digits_model, tmp_path):
    shutil.copytree(digits_model, tmp_path / "output" / "digits" / "sparsity-70")
    with np.load(digits_model.parent / "predictions.npz") as file:
        renamed = {name.replace(digits_model.name, "sparsity-70"): file[name] for name in file}
    np.savez(tmp_path / "output" / "digits" / "predictions.npz", **renamed)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    code = "\n".join(page.blocks("python"))
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600
    )
    assert run.returncode == 0, run.stderr
    assert bool(run.stdout) == ("print(" in code)


@pytest.mark.slow
def test_the_commands_that_the_demonstration_ends_with(digits_model, tmp_path):
    made = subprocess.run(["make", "-n", "demo"], cwd=ROOT, capture_output=True, text=True).stdout
    [told] = [line for line in made.splitlines() if line.startswith("printf '  %s")]
    _, _, classify, look, own = shlex.split(told)
    shutil.copytree(digits_model, tmp_path / "output/digits/sparsity-90")
    shutil.copytree(ROOT / "docs/images", tmp_path / "docs/images")
    _, *arguments = shlex.split(classify)
    run = subprocess.run([sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("'label': ") == 3
    assert look.split()[:2] == ["cat", "output/digits/results.md"]
    check_command(["python", *shlex.split(own)[1:]])


def test_readme_loads_a_model_and_the_pages_train_one():
    """So that the test above has something to run."""
    assert "pipeline(" in "".join(README.blocks("python"))
    assert "VPNsTrainer(" in "".join(code for page in DOCS for code in page.blocks("python"))


@pages([page for page in PAGES if page.commands])
def test_every_command_is_understood(page):
    for words in page.commands:
        check_command(words)


def test_the_recipe_of_a_finished_job_is_given_with_another_folder():
    given = [
        words for page in PAGES for words in page.commands if any(word.endswith("/recipe.yaml") for word in words)
    ]
    assert given and all("--output_dir" in words for words in given)


def check_command(words: list[str]) -> None:
    """Fails unless the program takes these arguments; files that a reader is to bring need not be there."""
    program, *arguments = words
    if program == "accelerate":
        launch = launch_command_parser().parse_args(arguments[1:])
        assert launch.config_file is None or (ROOT / launch.config_file).is_file(), words
        module = ["python", "-m"] if launch.module else []
        check_command([*module, launch.training_script, *launch.training_script_args])
    elif program == "python" and arguments[0] == "-m":
        assert arguments[1] == "vpns_hf", words
        check_command(["vpns", *arguments[2:]])
    elif program == "python":
        check_command(arguments)
    elif program == "vpns":
        assert arguments[0] in (*COMMANDS, "..."), words
        check_options(" ".join(words[:2]), arguments[1:])
    elif program == "make":
        targets = {word for word in arguments if "=" not in word}
        assert targets <= set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M)), words
    elif program == "pytest":
        check_tests(*arguments)
    elif program not in WITHOUT_PARSER:
        check_options(program, arguments)


def check_options(command: str, arguments: list[str]) -> None:
    """Fails unless a script, or an installed command, takes these arguments."""
    given = [word for word in without_recipes_of_the_reader(arguments) if word != "..."]
    parse(command, [*REQUIRED, *given] if "..." in arguments else given)


def without_recipes_of_the_reader(arguments: list[str]) -> list[str]:
    """The arguments but `--config FILE`, where the file is one that a reader is to bring."""
    pairs = zip(["", *arguments], [*arguments, ""], strict=True)
    own = {i for i, (option, value) in enumerate(pairs) if option == "--config" and is_placeholder(value)}
    return [word for i, word in enumerate(arguments) if not {i, i + 1} & own]


def is_placeholder(recipe: str) -> bool:
    return recipe.isupper() or recipe.startswith(("path/to/", "output/"))


def check_tests(path: str, option: str, names: str) -> None:
    """Fails unless each of the alternatives chooses a test of the file."""
    assert option == "-k"
    tests = re.findall(r"^def (test_\w+)", (ROOT / path).read_text(encoding="utf-8"), re.M)
    assert all(any(name in test for test in tests) for name in names.split(" or ")), names


@cache
def known_options() -> set[str]:
    return options_of_all_commands()


@pages(WRITTEN)
def test_every_option_that_is_named_exists(page):
    named = set(re.findall(r"--([a-z][\w-]*)", page.text)) - {"index-url"}  # pip's
    assert not named - known_options()


def test_options_are_found():
    assert {"dry_run", "update_card", "min_accuracy", "trials", "num_processes", "layout"} <= known_options()
    assert "bogus" not in known_options()


@pages(WRITTEN)
def test_every_recipe_that_is_named_is_shipped(page):
    named = re.findall(r"(?:--config[ =]|\bvpns config )([\w./-]+)", page.text)
    assert not [name for name in named if not is_placeholder(name) and name not in shipped_names()]


def test_recipes_are_found():
    page = "".join(page.text for page in WRITTEN)
    assert "--config resnet18_cifar10" in page
    assert "$(vpns config accelerate/cpu)" in page


@pages(WRITTEN)
def test_every_installed_command_that_is_named_exists(page):
    named = re.findall(r"(?:`vpns|-m vpns_hf) ([a-z][\w-]*)", page.text)
    assert set(named) <= {*COMMANDS, *ADDED}


def test_the_table_of_commands_is_complete():
    """Every script, every installed command, and which are the same."""
    row = re.compile(r"^\| (?:`scripts/(\w+\.py)` )?\| (?:`vpns ([\w-]+)` )?\| \w.+ \|$", re.M)
    rows = row.findall(Page("docs/commands.md").text)
    assert sorted(script for script, _ in rows if script) == sorted(path.name for path in SCRIPTS.glob("*.py"))
    assert sorted(command for _, command in rows if command) == sorted(COMMANDS)
    both = {script: command for script, command in rows if script and command}
    assert both == {script: command_of(script) for script in both}
    assert set(COMMANDS) - set(both.values()) == {"config", "list"}


@pages(WRITTEN)
def test_every_path_that_is_named_exists(page):
    paths = re.findall(r"`((?:vpns_hf|scripts|tests|model_cards|docs)/[\w./]*)`", page.text)
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_every_folder_of_the_package_has_its_line():
    layout = Page("docs/layout.md").text
    folders = [path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "vpns_hf").rglob("__init__.py")]
    assert len(folders) > 20
    assert not [folder for folder in folders if folder != "vpns_hf" and f"`{folder}`" not in layout]


@pages(WRITTEN)
def test_every_link_leads_somewhere(page):
    for link in page.links:
        path, _, anchor = link.partition("#")
        target = (page.path.parent / path).resolve() if path else page.path
        assert target.exists(), link
        assert not anchor or anchor in Page(target.relative_to(ROOT).as_posix()).anchors, link


def test_the_front_page_is_short_and_shows_small_pictures():
    assert len(README.text.splitlines()) <= 150
    pictures = [link for link in README.links if link.endswith(".png")]
    assert pictures
    assert all((ROOT / picture).stat().st_size < 100_000 for picture in pictures)


def test_the_index_has_one_line_for_every_page():
    [index] = [page for page in DOCS if page.path.name == "README.md"]
    listed = re.findall(r"^- \[.*?\]\((\w+\.md)\): .+$", index.text, re.M)
    assert sorted(listed) == sorted(page.path.name for page in DOCS if page != index)


def test_the_front_page_links_to_the_pages_for_users():
    linked = {link.partition("#")[0] for link in README.links}
    assert {page.name for page in DOCS} - linked == {"docs/layout.md"}  # for those who change the source


def test_changes_and_citation_are_of_this_version():
    assert re.findall(r"^## (.*)$", CHANGELOG.text, re.M)[:2] == ["Unreleased", vpns_hf.__version__]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation["cff-version"], citation["version"]) == ("1.2.0", vpns_hf.__version__)
    template = (ROOT / "model_cards" / "template.md").read_text(encoding="utf-8")
    paper = citation["preferred-citation"]
    authors = [f"{author['family-names']}, {author['given-names']}" for author in paper["authors"]]
    cited = " ".join(template.split())
    assert f"title = {{{paper['title']}}}" in cited
    assert f"author = {{{' and '.join(authors)}}}" in cited
    assert f"booktitle = {{{paper['collection-title']}}}" in cited
    assert f"year = {{{paper['year']}}}" in cited
