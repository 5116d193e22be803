from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.backbones.foreign import Marker
from tests.helpers import refusal, same
from vpns_hf.backbones import read_tensors

TENSORS = {"conv.weight": torch.arange(6.0).view(2, 3), "conv.count": torch.tensor(4)}


def saved(content: object, **options: object) -> Callable[[Path], None]:
    return lambda path: torch.save(content, path, **options)


@pytest.mark.parametrize(
    "write, name",
    [
        (saved(TENSORS), "plain.pth"),
        (saved(TENSORS, _use_new_zipfile_serialization=False), "before-torch-1.6.pth"),
        (saved({"state_dict": TENSORS, "epoch": 3}), "training.pt"),
        (saved({"model": TENSORS}), "model.bin"),
        (saved({f"module.{name}": tensor for name, tensor in TENSORS.items()}), "parallel.pth"),
        (saved({"state_dict": {f"module.{name}": tensor for name, tensor in TENSORS.items()}}), "both.pth"),
        (lambda path: save_file(TENSORS, path), "plain.safetensors"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_state_dict_is_found(tmp_path, write, name):
    write(tmp_path / name)
    tensors = read_tensors(tmp_path / name)
    assert tensors.keys() == TENSORS.keys()
    assert same(TENSORS, tensors)


def test_a_prefix_of_some_names_stays(tmp_path):
    torch.save({"module.a": torch.ones(1), "b": torch.ones(1)}, tmp_path / "mixed.pth")
    assert read_tensors(tmp_path / "mixed.pth").keys() == {"module.a", "b"}


def test_a_file_that_would_run_code_is_refused(tmp_path):
    torch.save({"state_dict": TENSORS, "args": argparse.Namespace(lr=0.1)}, tmp_path / "args.pth")
    message = refusal(read_tensors, tmp_path / "args.pth")
    assert "argparse.Namespace" in message
    assert "torch.save(model.state_dict()" in message


@pytest.mark.parametrize("zipped", [True, False])
def test_no_code_of_a_file_runs(tmp_path, zipped):
    torch.save(Marker(tmp_path / "ran"), tmp_path / "evil.pth", _use_new_zipfile_serialization=zipped)
    assert "more than tensors" in refusal(read_tensors, tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [[1, 2], {}, {"state_dict": {}}, {"a": 1.0}, torch.ones(3), {"a": {"b": 1}}])
def test_what_holds_no_state_dict(tmp_path, content):
    torch.save(content, tmp_path / "other.pth")
    assert "no state dict" in refusal(read_tensors, tmp_path / "other.pth")


@pytest.mark.parametrize("length", [0, 1, 60, 500, -40])
@pytest.mark.parametrize("name", ["zip.pth", "old.pth", "x.safetensors"])
def test_a_file_cut_short(tmp_path, name, length):
    if name.endswith(".pth"):
        torch.save(TENSORS, tmp_path / name, _use_new_zipfile_serialization=name == "zip.pth")
    else:
        save_file(TENSORS, tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: min(length, len(whole) - 1)])
    assert "damaged" in refusal(read_tensors, tmp_path / name)


def test_text_is_no_checkpoint(tmp_path):
    (tmp_path / "page.pth").write_text("<html>not found</html>\n" * 20)
    assert "no checkpoint" in refusal(read_tensors, tmp_path / "page.pth")
