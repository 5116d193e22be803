"""Models and the page on the Hub."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.hub.conftest import READER, WRITER
from tests.hub.server import HubServer
from vpns_hf.hub import Examples

pytestmark = pytest.mark.slow  # processes

CALLS = Path(__file__).with_name("hub_calls.py")
NAMES = ["vpns/resnet18-cifar100-40", "vpns/resnet18-cifar100-70"]
# Starts the program of a Space from its own folder, asks it for its page, and says which package it was.
START = """
import runpy, sys
sys.path.insert(0, sys.argv[1])
import gradio, httpx, vpns_hf
launch = gradio.Blocks.launch
def launched(blocks, **options):
    _, url, _ = launch(blocks, **options, prevent_thread_lock=True)
    print(vpns_hf.__file__, httpx.get(url).status_code, len(blocks.blocks) > 20, sep="\\n")
gradio.Blocks.launch = launched
runpy.run_path(sys.argv[1] + "/app.py")
"""


@dataclass(frozen=True)
class Published:
    """A Hub with a collection of two models, and one that has no results."""

    hub: HubServer
    collection: str


@pytest.fixture(scope="module")
def published(hub, client, run_dir, tmp_path_factory) -> Published:
    job = shutil.copytree(run_dir, tmp_path_factory.mktemp("job") / "job")
    Examples(np.zeros((2, 3, 4, 4), dtype=np.uint8), ["cat", "dog"]).write(job)
    push = ["scripts/push_to_hub.py", job, "--hub_model_id", "vpns/{arch}-{dataset}-{sparsity}", "--with_examples"]
    assert client.script(*push, "--public", "--collection", "Sparse", token=WRITER).code == 0
    bare = tmp_path_factory.mktemp("bare")
    (bare / "config.json").write_text("{}")
    hub.add_folder("vpns/bare", bare)
    [(slug, shown)] = hub.collections.items()
    shown["items"].append({**shown["items"][0], "id": "vpns/bare", "_id": 24 * "b"})
    shown["private"] = False
    return Published(hub, slug)


def test_the_models_of_a_collection_without_their_weights(published, client, run_dir):
    del published.hub.log[:]
    for name in (published.collection, f"https://huggingface.co/collections/{published.collection}"):
        found = client.call(CALLS, "found", name=name).result
        assert list(found["models"]) == NAMES
        for key, (size, suffixes) in found["models"].items():
            assert size == (run_dir / f"sparsity-{key[-2:]}/model.safetensors").stat().st_size
            assert suffixes.count(".png") >= 4  # two examples, the prompt, the layers
            assert not {".py", ".safetensors"} & set(suffixes)
        assert found["left_out"] == ["vpns/bare is left out: it has no results.json"]
    assert not [line for line in published.hub.log if line.endswith((".safetensors", ".py"))]


def test_the_models_of_the_tag_and_a_single_one(published, client):
    assert list(client.call(CALLS, "found", name="vpns").result["models"]) == NAMES
    assert list(client.call(CALLS, "found", name=NAMES[1]).result["models"]) == NAMES[1:]


def test_weights_come_when_a_model_is_tried(published, client, tmp_path):
    Image.new("RGB", (20, 20), "red").save(tmp_path / "red.png")
    asked = {"name": NAMES[0], "key": NAMES[0], "picture": str(tmp_path / "red.png")}
    module, (label, share) = client.call(CALLS, "top_class", **asked).result
    assert module == "vpns_hf.models.modeling_vpns"  # no code of the repository
    assert label in ("cat", "dog", "owl")
    assert 1 / 3 < share <= 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "there is no folder nothing, and it is no collection or model of the Hub; give one"),
        ("vpns/missing", "vpns/missing is left out: the token is missing or not known"),
        ("vpns/bare", "vpns/bare is left out: it has no results.json; give a collection of models"),
        ("missing/collection-0123456789abcdef01234567", "could not be listed: it is not there"),
    ],
)
def test_what_is_no_folder_and_has_no_models_is_one_line(published, client, name, said):
    assert said in client.script("scripts/browse.py", name).refusal("browse.py")


def test_a_space_holds_the_program_and_all_it_needs(published, client, tmp_path):
    publish = ["scripts/browse.py", published.collection, "--space", "vpns/page"]
    ended = client.script(*publish, token=WRITER)
    assert (ended.code, ended.out) == (0, f"{published.hub.url}/spaces/vpns/page\n")
    space = published.hub.repositories["spaces", "vpns/page"]
    assert space.private
    files = {path: file.content for path, file in space.head.files.items()}
    header = yaml.safe_load(files["README.md"].decode().split("---\n")[1])
    assert (header["sdk"], header["app_file"], header["models"]) == ("gradio", "app.py", NAMES)
    needed = files["requirements.txt"].decode().splitlines()
    assert {"torch", "transformers"} <= {line.partition(">")[0] for line in needed}
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "PYTHON"))}
    own = {"HF_ENDPOINT": published.hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-I", "-c", START, str(tmp_path)]
    started = subprocess.run(command, env={**kept, **own}, capture_output=True, text=True, cwd=tmp_path)
    assert started.stdout.splitlines() == [str(tmp_path / "vpns_hf/__init__.py"), "200", "True"], started.stderr


def test_a_space_is_renewed_and_only_made_public_where_that_is_asked_for(published, client):
    publish = ["scripts/browse.py", NAMES[0], "--space", "vpns/again"]
    assert client.script(*publish, token=WRITER).code == 0
    space = published.hub.repositories["spaces", "vpns/again"]
    first = space.head
    assert client.script(*publish, "--public", token=WRITER).code == 0
    assert not space.private
    assert space.head.files == first.files
    assert "is public already; add --public" in client.script(*publish, token=WRITER).refusal("browse.py")


def test_who_may_not_write_is_told_in_a_line(published, client):
    ended = client.script("scripts/browse.py", NAMES[0], "--space", "vpns/denied", token=READER)
    assert "vpns/denied could not be published: the token does not allow it" in ended.refusal("browse.py")


def test_a_folder_of_this_machine_is_no_space(client, run_dir):
    ended = client.script("scripts/browse.py", run_dir, "--space", "vpns/local", token=WRITER)
    assert "is a folder of this machine, which a Space cannot read" in ended.refusal("browse.py")
