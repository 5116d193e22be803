from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import datasets
import pytest

from tests.helpers import forget_accelerator, tiny_resnet
from tests.scripts.running import Ended, script_at
from tests.training_helpers import coloured_split
from vpns_hf.cli.script import run_script


@pytest.fixture
def calling(monkeypatch, capsys) -> Callable[..., Callable[..., Ended]]:
    """Makes functions that call a script in this process; options given here come before those of each call."""

    def calling(name: str, *always: object) -> Callable[..., Ended]:
        script = script_at(name)

        def call(*argv: object) -> Ended:
            monkeypatch.setattr(sys, "argv", [name, *map(str, (*always, *argv))])
            capsys.readouterr()
            code = 0
            try:
                run_script(script.main)
            except SystemExit as exit:
                code = exit.code
            return Ended(code, *capsys.readouterr())

        return call

    return calling


@pytest.fixture
def calling_anew(calling, monkeypatch, tmp_path) -> Iterator[Callable[..., Callable[..., Ended]]]:
    """As `calling`, for scripts that train: no accelerator is left from an earlier call; caches are below `tmp_path`."""
    monkeypatch.setenv("VPNS_CACHE", str(tmp_path / "cache"))

    def calling_anew(name: str, *always: object) -> Callable[..., Ended]:
        call = calling(name, *always)

        def call_anew(*argv: object) -> Ended:
            forget_accelerator()
            return call(*argv)

        return call_anew

    yield calling_anew
    forget_accelerator()


@pytest.fixture
def prune(calling_anew) -> Callable[..., Ended]:
    """Calls scripts/prune.py in this process."""
    return calling_anew("prune.py")


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
