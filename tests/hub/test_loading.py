"""Models on the Hub load by every way, with the package and without it, directly and through a mirror."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.request import Request, urlopen

import datasets
import numpy as np
import pytest
from PIL import Image

from tests.hub.client import Client
from tests.hub.conftest import STRANGER, WRITER
from tests.hub.loading_calls import fingerprint, loaded_here
from tests.training_helpers import coloured_split

pytestmark = pytest.mark.slow
CALLS = Path(__file__).with_name("loading_calls.py")
REPO, PICTURES, FOLDERS = "loading/net", "loading/pictures", "loading/folders"


@pytest.fixture(scope="module")
def published(hub, client, run_dir) -> Path:
    """The folder of the model that is on the Hub as `REPO`, private."""
    argv = [run_dir, "--sparsity", 0.7, "--hub_model_id", REPO]
    assert client.script("scripts/push_to_hub.py", *argv, token=WRITER).code == 0
    return run_dir / "sparsity-70"


@pytest.fixture(scope="module")
def expected(published, picture) -> dict:
    """What the folder gives here."""
    return loaded_here(str(published), picture)


@pytest.fixture
def mirror(hub, tmp_path) -> Iterator[str]:
    """The address of a mirror before the Hub."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here, there = f"127.0.0.1:{port}", f"127.0.0.1:{hub.port}"
    argv = ["--host", "127.0.0.1", "--port", str(port), "--hf-scheme", "http", "--hf-netloc", there]
    argv += ["--hf-lfs-netloc", there, "--mirror-scheme", "http", "--mirror-netloc", here, "--mirror-lfs-netloc", here]
    argv += ["--repos-path", str(tmp_path / "mirrored"), "--log-path", str(tmp_path / "logs")]
    run = "from olah.server import cli; cli()"
    with (tmp_path / "out").open("w") as out:
        process = subprocess.Popen([sys.executable, "-c", run, *argv], stdout=out, stderr=out, cwd=tmp_path)
    try:
        wait_for(port, process)
        yield f"http://{here}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for(port: int, process: subprocess.Popen, patience: float = 60) -> None:
    """Waits until a process listens."""
    last = time.monotonic() + patience
    while time.monotonic() < last and process.poll() is None:
        with socket.socket() as asking:
            if asking.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the mirror did not start")


def without_pipeline(loaded: dict) -> dict:
    return {key: value for key, value in loaded.items() if key != "pipeline"}


def test_without_the_package(bare, expected, picture):
    load = partial(bare.call, CALLS, "load", token=WRITER, repo_id=REPO, picture=picture)
    assert bare.call(CALLS, "can_import", package="vpns_hf").result is False
    loaded = load().result
    assert without_pipeline(loaded) == expected
    assert {answer["label"] for answer in loaded["pipeline"]} == {"cat", "dog", "owl"}
    assert load().result == loaded


def test_the_code_on_the_card_runs_without_the_package(bare, published, expected):
    ended = bare.call(CALLS, "run_snippet", token=WRITER, repo_id=REPO)
    assert f'model="{REPO}"' in ended.result
    assert "'label': " in ended.out
    assert f"{expected['sparsity'][0]:.2%} of the prunable weights are zero" in ended.out


def test_with_the_package(bare, client, published, expected, picture):
    loaded = client.call(CALLS, "load_with_package", token=WRITER, repo_id=REPO, picture=picture).result
    assert (loaded["class"], loaded["same"]) == ("vpns_hf.models.modeling_vpns", True)
    assert [loaded["sparsity"]] * 2 == expected["sparsity"]
    trusting = bare.call(CALLS, "load", token=WRITER, repo_id=REPO, picture=picture).result
    assert loaded["pipeline"] == trusting["pipeline"]
    assert client.call(CALLS, "fingerprint", token=WRITER, name=REPO).result == fingerprint(str(published))


@pytest.mark.parametrize("repo_id, token", [("loading/{}", None), ("loading/{}", STRANGER), ("loading/no", WRITER)])
def test_a_repository_one_may_not_see_or_that_is_not_there(hub, client, run_dir, repo_id, token):
    argv = [run_dir, "--sparsity", 0.7, "--hub_model_id", "loading/hidden"]  # one that nobody has in a cache
    assert client.script("scripts/push_to_hub.py", *argv, token=WRITER).code == 0
    repo_id = repo_id.format("hidden")
    name, message = client.call(CALLS, "refused", token=token, repo_id=repo_id).result
    assert name == "OSError"
    assert repo_id in message
    assert "`hf auth login`" in message


def test_through_a_mirror(hub, mirror, published, expected, picture, tmp_path):
    """olah is written by others, and reads this Hub as it reads the real one; what it has it does not fetch again."""
    with Client(mirror, tmp_path / "home", forbidden="vpns_hf") as client:
        loaded = client.call(CALLS, "load", token=WRITER, repo_id=REPO, picture=picture).result
        assert without_pipeline(loaded) == expected
    asked = len(hub.log)
    request = Request(f"{mirror}/{REPO}/resolve/main/model.safetensors", headers={"Authorization": f"Bearer {WRITER}"})
    with urlopen(request) as answer:
        assert answer.read() == (published / "model.safetensors").read_bytes()
    assert not any(line.startswith("GET") and line.endswith("model.safetensors") for line in hub.log[asked:])


@pytest.fixture(scope="module")
def pictures(hub, client, tmp_path_factory) -> dict[str, datasets.Dataset]:
    """The splits of a data set that is on the Hub as `PICTURES`, private."""
    splits, folder = {"train": coloured_split(12), "test": coloured_split(6)}, tmp_path_factory.mktemp("pictures")
    datasets.DatasetDict(splits).save_to_disk(folder)
    pushed = client.call(CALLS, "push_dataset", token=WRITER, repo_id=PICTURES, folder=str(folder))
    assert pushed.code == 0
    assert hub.repositories["datasets", PICTURES].private
    return splits


def test_a_data_set_goes_there_and_back(client, pictures):
    loaded = client.call(CALLS, "load_dataset", token=WRITER, repo_id=PICTURES).result
    assert loaded == {name: [list(split["label"]), [16, 16]] for name, split in pictures.items()}


def test_a_data_set_is_streamed_from_there(hub, client, pictures):
    asked = len(hub.log)
    streamed = client.call(CALLS, "stream_dataset", token=WRITER, repo_id=PICTURES)
    assert streamed.result == {
        name: ["ParquetSplit", list(split["label"]), np.asarray(split[-1]["image"]).tolist()]
        for name, split in pictures.items()
    }, streamed.err
    assert any(line.startswith(f"GET /datasets/{PICTURES}/resolve/") for line in hub.log[asked:])


def test_class_folders_that_are_skipped_there_are_named(client, tmp_path):
    for split, name in itertools.product(("train", "test"), ("cat", "dog", "__background__")):
        (tmp_path / split / name).mkdir(parents=True)
        for number in range(2):
            colour = zlib.crc32(f"{split}/{name}/{number}".encode()).to_bytes(4, "little")[:3]
            Image.new("RGB", (16, 16), tuple(colour)).save(tmp_path / split / name / f"{number}.png")
    assert client.call(CALLS, "push_images", token=WRITER, repo_id=FOLDERS, folder=str(tmp_path)).code == 0
    loaded = client.call(CALLS, "load_dataset", token=WRITER, repo_id=FOLDERS)
    assert {split: labels for split, (labels, _) in loaded.result.items()} == {
        "train": [0, 0, 1, 1],
        "test": [0, 0, 1, 1],
    }
    said = f"4 images of {FOLDERS} not read, which lie in test/__background__, train/__background__: give what `hf download"
    assert loaded.err.count(said) == 1
