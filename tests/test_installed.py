"""What `pip install` of a built wheel gives: the commands in an empty folder, by the wheel's code and data."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.documents import ROOT
from vpns_hf import __version__

pytestmark = pytest.mark.slow

BUILT_FROM = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE")
FEW = [
    *("--max_train_samples", "60", "--max_test_samples", "40", "--sparsities", "0.5", "--disable_tqdm"),
    *("--pretrain_epochs", "1", "--find_mask_epochs", "1", "--finetune_epochs", "1"),
]


def pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy: a build leaves files, and takes up those that an earlier one has left."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "vpns_hf", source / "vpns_hf", ignore=shutil.ignore_patterns("__pycache__"))
    for name in BUILT_FROM:
        shutil.copy(ROOT / name, source)
    pip("wheel", source, "--no-deps", "--no-build-isolation", "--wheel-dir", built)
    [path] = built.glob("*.whl")
    return path


@dataclass(frozen=True)
class Installation:
    """A folder that the wheel was installed into, beside what the environment has, and an empty one to work in."""

    packages: Path
    here: Path

    def run(self, *command: object) -> str:
        """Returns what a program prints; it finds this package first, and the clone nowhere."""
        run = subprocess.run(
            [*map(str, command)],
            cwd=self.here,
            env={**os.environ, "PYTHONPATH": str(self.packages)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert run.returncode == 0, run.stderr
        return run.stdout


@pytest.fixture
def installed(wheel, tmp_path_factory) -> Installation:
    packages = tmp_path_factory.mktemp("packages")
    pip("install", "--target", packages, "--no-deps", "--no-index", wheel)
    return Installation(packages, tmp_path_factory.mktemp("empty"))


def test_the_wheel_holds_every_file_of_the_package(wheel):
    ours = {path.relative_to(ROOT) for path in (ROOT / "vpns_hf").rglob("*") if path.is_file()}
    held = {Path(name) for name in zipfile.ZipFile(wheel).namelist()}
    assert {path for path in ours if path.suffix != ".pyc"} == {path for path in held if path.parts[0] == "vpns_hf"}


def test_everything_works_in_an_empty_folder(installed):
    """In one test, and two at a time: each of these takes seconds, nearly all of them for torch."""
    vpns, data = installed.packages / "bin" / "vpns", installed.packages / "vpns_hf" / "recipes"
    module = [sys.executable, "-m", "vpns_hf"]
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", data / "accelerate" / "cpu.yaml"]
    commands = {
        "job": [vpns, "prune", *FEW, "--output_dir", "out"],
        "launched": [*launch, "--num_processes", 1, "-m", "vpns_hf", "prune", *FEW, "--dry_run"],
        "file": [sys.executable, "-c", "import vpns_hf; print(vpns_hf.__file__, vpns_hf.__version__)"],
        "help": [vpns, "--help"],
        "recipe": [vpns, "config", "digits"],
        "configuration": [*module, "config", "accelerate/cpu"],
    }
    with ThreadPoolExecutor(2) as two:
        printed = dict(zip(commands, two.map(lambda command: installed.run(*command), commands.values()), strict=True))
    assert printed["file"] == f"{installed.packages / 'vpns_hf' / '__init__.py'} {__version__}\n"
    assert printed["help"].startswith("usage: vpns COMMAND ")
    assert printed["recipe"] == f"{data / 'digits.yaml'}\n"
    assert printed["configuration"] == f"{data / 'accelerate' / 'cpu.yaml'}\n"
    assert "10 classes" in printed["launched"]
    assert "Output: output/digits" in printed["launched"]
    assert not (installed.here / "output").exists()
    check_job(installed.here / "out")
    assert "out/sparsity-50" in installed.run(vpns, "list", "--local", ".")


def check_job(out: Path) -> None:
    """The folder of a job says how it was started, and its models have their cards."""
    assert json.loads((out / "results.json").read_text(encoding="utf-8"))["command"].startswith("vpns prune --max_")
    card = (out / "sparsity-50" / "README.md").read_text(encoding="utf-8")
    assert "\nvpns prune --max_train_samples 60 " in card
