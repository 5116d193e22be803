from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import datasets
import pytest
from accelerate.state import AcceleratorState

from tests.helpers import tiny_resnet
from tests.training_helpers import coloured_split
from vpns_hf.scripting import run_script

SCRIPTS = Path(__file__).parents[2] / "scripts"


@dataclass(frozen=True)
class Ended:
    """How a script ended: its code, and the lines it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture
def prune(monkeypatch, capsys, tmp_path) -> Callable[..., Ended]:
    """Calls scripts/prune.py in this process; its output folder is `out` below `tmp_path`, caches beside it."""
    spec = importlib.util.spec_from_file_location("prune_script", SCRIPTS / "prune.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setenv("VPNS_CACHE", str(tmp_path / "cache"))

    def call(*argv: object) -> Ended:
        AcceleratorState._reset_state(reset_partial_state=True)
        monkeypatch.setattr(sys, "argv", ["prune.py", *map(str, argv)])
        capsys.readouterr()
        code = 0
        try:
            run_script(script.main)
        except SystemExit as exit:
            code = exit.code
        return Ended(code, *capsys.readouterr())

    yield call
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory) -> Path:
    """A tiny ResNet of five classes."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_resnet().save_pretrained(folder)
    return folder


@pytest.fixture
def data_folder(tmp_path) -> Callable[..., Path]:
    def save(name: str = "data", **splits: datasets.Dataset) -> Path:
        """Writes the splits, or tiny ones of three classes, as a data set folder."""
        chosen = splits or {"train": coloured_split(40), "validation": coloured_split(13), "test": coloured_split(17)}
        datasets.DatasetDict(chosen).save_to_disk(tmp_path / name)
        return tmp_path / name

    return save
