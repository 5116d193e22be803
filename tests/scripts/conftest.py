from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest
from accelerate.state import AcceleratorState

from tests.helpers import tiny_resnet
from tests.scripts.running import Ended, script_at
from tests.training_helpers import coloured_split
from vpns_hf.scripting import run_script


@pytest.fixture
def prune(monkeypatch, capsys, tmp_path) -> Callable[..., Ended]:
    """Calls scripts/prune.py in this process; its output folder is `out` below `tmp_path`, caches beside it."""
    script = script_at("prune.py")
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
