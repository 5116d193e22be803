from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import datasets
import pytest

from tests.helpers import forget_accelerator, tiny_resnet
from tests.scripts.running import Ended, how_it_ends
from tests.training_helpers import coloured_split
from vpns_hf.__main__ import main


@pytest.fixture
def vpns(monkeypatch, capsys) -> Callable[..., Ended]:
    """Calls `vpns` in this process, as it is called where it is installed."""

    def call(*argv: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["/some/where/bin/vpns", *map(str, argv)])
        return how_it_ends(main, capsys)

    return call


@pytest.fixture
def training_vpns(vpns, monkeypatch, tmp_path) -> Iterator[Callable[..., Ended]]:
    """As `vpns`, for commands that compute: no accelerator is left from an earlier call; caches are below `tmp_path`."""
    monkeypatch.setenv("VPNS_CACHE", str(tmp_path / "cache"))

    def call(*argv: object) -> Ended:
        forget_accelerator()
        return vpns(*argv)

    yield call
    forget_accelerator()


@pytest.fixture
def prune(training_vpns) -> Callable[..., Ended]:
    """Calls `vpns prune`."""
    return partial(training_vpns, "prune")


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
