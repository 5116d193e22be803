from __future__ import annotations

import argparse
from collections import OrderedDict

import numpy as np
import pytest
import torch

from tests.backbones.foreign import Marker
from tests.conversion.originals import TINY, Original, Prompt, border, with_optimisers
from tests.helpers import refusal, same
from vpns_hf.conversion import OriginalCheckpoint


@pytest.fixture(scope="module")
def original() -> Original:
    return Original.of(TINY["basic"](), Prompt("pad", border(3)))


def test_what_makes_the_model_is_read(original, tmp_path):
    content = original.content(**with_optimisers(original), state_dict=OrderedDict(original.state_dict))
    torch.save(content, tmp_path / "a.pth")
    read = OriginalCheckpoint.read(tmp_path / "a.pth")
    assert read.weights.keys() == original.network.state_dict().keys()
    assert same(original.network.state_dict(), read.weights)
    assert same(original.scores, read.scores)
    assert read.mapping.tolist() == original.mapping.tolist()
    assert read.visual_prompt.keys() == {"program", "mask"}


def test_scores_of_half_precision_become_float32(original, tmp_path):
    halves = {name: t.half() if t.is_floating_point() else t for name, t in original.state_dict.items()}
    read = OriginalCheckpoint.read(original.save(tmp_path / "a.pth", state_dict=halves))
    assert read.scores["conv1"].dtype == read.weights["conv1.weight"].dtype == torch.float32
    assert read.weights["bn1.num_batches_tracked"].dtype == torch.int64


@pytest.mark.parametrize("entry", ["all_results", "state_dict", "visual_prompt", "anything"])
def test_no_code_of_a_file_runs(entry, original, tmp_path):
    path = original.save(tmp_path / "evil.pth", **{entry: Marker(tmp_path / "ran")})
    assert "which only running code could rebuild" in refusal(OriginalCheckpoint.read, path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "value", [np.float64(0.5), argparse.Namespace(lr=0.1), np.arange(3)], ids=["number", "namespace", "array"]
)
def test_objects_of_other_libraries_are_refused(value, original, tmp_path):
    assert "save it again with tensors" in refusal(
        OriginalCheckpoint.read, original.save(tmp_path / "a.pth", all_results=value)
    )


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_a_file_cut_short(share, original, tmp_path):
    whole = original.save(tmp_path / "a.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(whole[: int(share * len(whole))])
    assert "damaged" in refusal(OriginalCheckpoint.read, tmp_path / "a.pth")


def test_what_is_no_checkpoint(original, tmp_path):
    assert "no such file" in refusal(OriginalCheckpoint.read, tmp_path / "none.pth")
    assert "no such file" in refusal(OriginalCheckpoint.read, tmp_path)
    (tmp_path / "page.pth").write_text("<html>not found</html>\n" * 20)
    assert "no checkpoint" in refusal(OriginalCheckpoint.read, tmp_path / "page.pth")
    for content in ([1, 2], original.state_dict, torch.ones(3)):
        torch.save(content, tmp_path / "other.pth")
        assert "'state_dict'" in refusal(OriginalCheckpoint.read, tmp_path / "other.pth")


@pytest.mark.parametrize("key", ["state_dict", "visual_prompt"])
@pytest.mark.parametrize("value", [{}, [1], {"a": 1.0}, {1: torch.ones(1)}, {"a": torch.ones(2, 2).to_sparse()}])
def test_what_is_no_state_dict(key, value, original, tmp_path):
    assert f"'{key}'" in refusal(OriginalCheckpoint.read, original.save(tmp_path / "a.pth", **{key: value}))


@pytest.mark.parametrize(
    "value", [None, [], "012", [0.5], torch.tensor([0.0, 1.0]), torch.tensor([[0, 1]]), [True, 0]]
)
def test_what_is_no_label_mapping(value, original, tmp_path):
    assert "one for each target class" in refusal(
        OriginalCheckpoint.read, original.save(tmp_path / "a.pth", mapping_sequence=value)
    )


def test_a_source_class_of_two_target_classes(original, tmp_path):
    assert "source class 4" in refusal(
        OriginalCheckpoint.read, original.save(tmp_path / "a.pth", mapping_sequence=torch.tensor([4, 2, 4]))
    )
