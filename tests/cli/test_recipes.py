from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from vpns_hf.recipes import shipped_file, shipped_names


@pytest.fixture
def config(vpns):
    return partial(vpns, "config")


def test_every_name_is_listed(config):
    ended = config()
    assert (ended.code, ended.out.splitlines()) == (0, shipped_names())
    assert {"digits", "accelerate/cpu"} <= set(ended.out.splitlines())


@pytest.mark.parametrize("name", ["digits", "accelerate/cpu"])
def test_the_path_of_a_name_is_printed_alone(config, name):
    ended = config(name)
    assert (ended.code, ended.out) == (0, f"{shipped_file(name)}\n")
    assert Path(ended.out.strip()).is_file()


@pytest.mark.parametrize(("name", "meant"), [("digit", "digits"), ("resnet18-cifar10", "resnet18_cifar10")])
def test_an_unknown_name_is_answered_in_one_line(config, name, meant):
    line = config(name).refusal("vpns config")
    assert line == f"no recipe is called {name}; did you mean {meant}; give a name that `vpns config` lists"
