"""A loopback Hub and its users, shared by the tests of a worker; each test module has an owner of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.helpers import tiny_model
from tests.hub.client import Client
from tests.hub.messages import User
from tests.hub.runs import write_run
from tests.hub.server import HubServer

OWNERS = ("vpns", "loading", "listing", "whole", "releasing")
WRITER, READER, STRANGER = "hf_writerSecret1234", "hf_readerSecret1234", "hf_strangerSecret1234"


@pytest.fixture(scope="session")
def hub() -> Iterator[HubServer]:
    users = {WRITER: User("ada", OWNERS), READER: User("ada", OWNERS, can_write=False), STRANGER: User("eve")}
    with HubServer(users) as server:
        yield server


@pytest.fixture(scope="session")
def client(hub, tmp_path_factory) -> Iterator[Client]:
    """A user who has vpns_hf."""
    with Client(hub.url, tmp_path_factory.mktemp("client")) as client:
        yield client


@pytest.fixture(scope="session")
def bare(hub, tmp_path_factory) -> Iterator[Client]:
    """A user who does not have vpns_hf."""
    with Client(hub.url, tmp_path_factory.mktemp("bare"), forbidden="vpns_hf") as client:
        yield client


@pytest.fixture(scope="session")
def picture(tmp_path_factory) -> str:
    """The path of a picture of 20 pixels."""
    path = tmp_path_factory.mktemp("picture") / "picture.png"
    Image.effect_mandelbrot((20, 20), (-2, -2, 2, 2), 30).convert("RGB").save(path)
    return str(path)


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory) -> Path:
    """A run with models of 40 and 70% sparsity."""
    folder = tmp_path_factory.mktemp("run") / "output"
    return write_run(
        folder, tiny_model(), {0.4: 0.9528, 0.7: 0.9417}, model="timm/resnet18.tv_in1k", dataset="cifar100"
    )
