"""The same job in two real processes on the CPU, and what one process gives where that must be the same."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.distributed.launching import ROOT, SCRIPTS, ended, run_ranks, start_ranks
from tests.distributed.scripts.job import first_epoch, make_trainer, measure
from tests.helpers import tiny_resnet
from vpns_hf import VPNsForImageClassification, VPNsTrainer
from vpns_hf.reporting import Results

RANKS = (0, 1)
pytestmark = pytest.mark.slow


class Finished:
    """A finished job of two processes."""

    def __init__(self, output: Path) -> None:
        run_ranks(SCRIPTS / "job.py", output)
        self.output = output
        self.facts = [json.loads((output / f"rank-{rank}" / "facts.json").read_text()) for rank in RANKS]

    def tensors(self, name: str) -> list[dict[str, Tensor]]:
        return [load_file(self.output / f"rank-{rank}" / f"{name}.safetensors") for rank in RANKS]

    @cached_property
    def states(self) -> list[dict[str, Tensor]]:
        return self.tensors("states")

    def of_stage(self, stage: str, ending: str) -> list[Tensor]:
        """The first rank's tensors whose name ends like this, at the end of a stage; there are some."""
        tensors = self.states[0].items()
        found = [tensor for key, tensor in tensors if key.startswith(f"{stage}.") and key.endswith(ending)]
        assert found
        return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Finished:
    return Finished(tmp_path_factory.mktemp("two"))


@pytest.fixture
def alone(tmp_path) -> VPNsTrainer:
    """The trainer of the same job in one process."""
    return make_trainer(tmp_path)


def test_there_are_two_processes(finished):
    assert [facts["processes"] for facts in finished.facts] == [2, 2]
    assert [facts["wrapper"] for facts in finished.facts] == ["DistributedType.MULTI_CPU"] * 2


STATES = [".weight_mask", "label_mapping", "visual_prompt.prompt", ".running_mean", ".running_var", ".weight", ".bias"]


def test_both_ranks_hold_every_tensor_alike(finished):
    first, second = finished.states
    assert first.keys() == second.keys()
    assert [key for key in first if not torch.equal(first[key], second[key])] == []
    assert all(finished.of_stage(stage, ending) for stage in ("find_mask", "finetune") for ending in STATES)


def test_scores_are_float32(finished):
    assert {scores.dtype for scores in finished.of_stage("find_mask", ".scores")} == {torch.float32}


def test_the_mask_search_leaves_the_weights(finished):
    start = tiny_resnet().state_dict()
    for key, value in finished.states[0].items():
        name = key.removeprefix("find_mask.backbone.")
        if name in start and key.startswith("find_mask.") and name.endswith((".weight", ".bias")):
            assert torch.equal(value, start[name]), name


def test_what_is_unfrozen_in_the_second_stage_moves(finished):
    start = tiny_resnet().state_dict()
    trained = [key for key in start if key.endswith((".weight", ".bias"))]
    for name in trained:
        assert not torch.equal(finished.states[0][f"finetune.backbone.{name}"], start[name]), name


def test_exactly_as_many_weights_as_asked_for_are_kept(finished):
    masks = finished.of_stage("finetune", ".weight_mask")
    total = sum(mask.numel() for mask in masks)
    assert sum(int(mask.sum()) for mask in masks) == total - 6 * total // 10


def test_the_plain_update_does_not_move_the_prompt(finished):
    first, second = (tensors["prompts"] for tensors in finished.tensors("prompts"))
    assert torch.equal(first, second)
    assert torch.equal(first[0::2], first[1::2])
    assert not torch.equal(first[0], first[2])


def test_both_ranks_measure_the_same(finished):
    first, second = finished.facts
    assert first["epochs"] == second["epochs"]
    for facts in finished.facts:
        for run in facts["results"]["runs"]:
            del run["seconds"], run["waiting"]
            for record in run["history"]:
                del record["seconds"], record["waiting"]
    assert first["results"] == second["results"]


def test_no_image_is_counted_twice(finished, alone):
    expected = measure(alone)
    assert expected["accuracy"]["prompted"] != expected["accuracy"]["plain"]
    assert sum(map(sum, expected["counts"])) == 40
    assert [facts["measured"] for facts in finished.facts] == [expected, expected]


def test_the_global_batches_are_those_of_one_process(finished, alone):
    whole, shares = first_epoch(alone), finished.tensors("batches")
    assert shares[0].keys() == shares[1].keys() == whole.keys()
    for name in {key.rpartition(".")[0] for key in whole}:
        assert rows(whole, name) == sorted([*rows(shares[0], name), *rows(shares[1], name)])
        assert len(shares[0][f"{name}.labels"]) == len(shares[1][f"{name}.labels"])


def rows(batches: dict[str, Tensor], name: str) -> list[tuple[bytes, int]]:
    """The pictures and labels of a batch, in an order that does not depend on who read them."""
    images, labels = batches[f"{name}.images"], batches[f"{name}.labels"]
    return sorted((image.numpy().tobytes(), int(label)) for image, label in zip(images, labels, strict=True))


def test_only_the_main_process_writes(finished):
    assert [set(facts["calls"].values()) for facts in finished.facts] == [{1}, {0}]


def test_what_is_written_is_what_both_ranks_hold(finished):
    folder = finished.output / "out"
    results = Results.load(folder / "results.json")
    model = VPNsForImageClassification.from_pretrained(folder / results.runs[0].path)
    for name, mask in model.masks().items():
        assert torch.equal(mask, finished.states[1][f"finetune.backbone.{name}.weight_mask"])
    if results.runs[0].epoch == 2:  # the epoch the states were kept at
        assert torch.equal(model.visual_prompt.prompt, finished.states[1]["finetune.visual_prompt.prompt"])


def test_the_plan_is_printed_once(tmp_path):
    ends = [
        ended(process)
        for process in start_ranks(ROOT / "scripts/prune.py", "--dry_run", "--output_dir", tmp_path / "out")
    ]
    assert [code for code, _, _ in ends] == [0, 0], ends
    assert [out.count("Pruned layer") for _, out, _ in ends] == [1, 0]
