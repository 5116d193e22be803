"""Replays recorded runs of the method's released code through the stages and compares every number."""

from __future__ import annotations

import copy
import json
from functools import cached_property
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import ResNetConfig, ResNetForImageClassification

from tests.training_helpers import Recorder, make_run
from vpns_hf.data import Batch
from vpns_hf.label_mapping import FrequencyMapping
from vpns_hf.methods.stages import FindMaskStage, FineTuneStage, FitLabelMapping, fit_label_mapping
from vpns_hf.models import VPNsForImageClassification
from vpns_hf.pruning import Pruner
from vpns_hf.pruning.criteria import ScoringContext, scaled_weight
from vpns_hf.training import AdamSpec, Run, SGDSpec, train

RECORDINGS = sorted((Path(__file__).parent / "fixtures" / "golden").glob("*.json"))
FIND_MASK = AdamSpec(learning_rate=1e-3, prompt_learning_rate=1e-2, weight_decay=1e-4)
FINETUNE = SGDSpec(learning_rate=0.01, prompt_learning_rate=0.01, momentum=0.9, weight_decay=1e-4)


class Replay:
    """One recorded run, replayed stage by stage."""

    def __init__(self, path: Path) -> None:
        self.recorded = json.loads(path.read_text())
        self.tensors = load_file(path.with_suffix(".safetensors"))
        assert self.recorded["stage1"]["score_optimizer"] == "adam lr=1e-3 weight_decay=1e-4"
        assert self.recorded["stage1"]["prompt_optimizer"] == "adam lr=1e-2 weight_decay=1e-4"
        assert set(self.recorded["stage2"].values()) == {"sgd lr=0.01 momentum=0.9 weight_decay=1e-4"}
        self.stage1, self.stage2 = Recorder(), Recorder()
        self.logits: dict[str, Tensor] = {}
        self._replay()

    def group(self, prefix: str) -> dict[str, Tensor]:
        return {key.removeprefix(prefix): value for key, value in self.tensors.items() if key.startswith(prefix)}

    @property
    def sparsity(self) -> float:
        return round(1 - self.recorded["density"], 6)

    def batches(self, view: str) -> list[Batch]:
        images, labels = self.tensors[f"images.{view}"], self.tensors[f"labels.{view}"].long()
        return [Batch(*pair) for pair in zip(images, labels, strict=True)]

    @cached_property
    def start(self) -> VPNsForImageClassification:
        backbone = ResNetForImageClassification(ResNetConfig(**self.recorded["config"]))
        backbone.load_state_dict(self.group("initial."))
        prompt = self.recorded["prompt"]
        return VPNsForImageClassification.from_backbone(
            backbone,
            id2label={index: str(index) for index in range(self.recorded["target_classes"])},
            visual_prompt=prompt["method"],
            prompt_size=prompt["pad_size"],
            image_size=prompt["image_size"],
        )

    def _replay(self) -> None:
        torch.manual_seed(self.recorded["seed"])
        model = copy.deepcopy(self.start)
        dense = self._run(copy.deepcopy(self.start), Recorder())
        fit_label_mapping(dense, FrequencyMapping(0))
        self.dense_mapping = dense.model.label_mapping.tolist()

        run = self._run(model, self.stage1)
        FitLabelMapping(FrequencyMapping(0), self.sparsity).apply(run)
        self.sparse_mapping = model.label_mapping.tolist()
        with Pruner().applied(model, scaled_weight(ScoringContext(model)), self.sparsity):
            self._keep_logits("before", model)

        stage = KeepScores(1, FIND_MASK, scaled_weight, self.sparsity)
        train(run, stage)
        self.scores = stage.final_scores
        self.initial_scores = stage.initial_scores
        self.prompt_after_stage1 = model.visual_prompt.prompt.detach().clone()
        self.masks = {name: mask.clone() for name, mask in model.masks().items()}
        self._keep_logits("stage1", model)

        train(self._run(model, self.stage2), FineTuneStage(1, FINETUNE))
        self._keep_logits("stage2", model)
        self.model = model

    def _run(self, model: VPNsForImageClassification, recorder: Recorder) -> Run:
        return make_run(model, self.batches("prompted"), self.batches("plain"), recorder=recorder)

    @torch.no_grad()
    def _keep_logits(self, moment: str, model: VPNsForImageClassification) -> None:
        for view in ("plain", "prompted"):
            images = self.tensors["images.plain"][0]
            self.logits[f"{moment}.logits.{view}"] = model.eval().source_logits(images, prompted=view == "prompted")


class KeepScores(FindMaskStage):
    """The stage as it is; it only remembers the scores it began and ended with."""

    def begin(self, run: Run) -> None:
        super().begin(run)
        self.initial_scores = self._copies(run)

    def finish(self, run: Run) -> None:
        self.final_scores = self._copies(run)
        super().finish(run)

    def _copies(self, run: Run) -> dict[str, Tensor]:
        return {name: layer.scores.detach().clone() for name, layer in run.model.masked_layers().items()}


@pytest.fixture(scope="module", params=RECORDINGS, ids=lambda path: path.stem)
def replay(request) -> Replay:
    return Replay(request.param)


def same(actual, expected) -> None:
    """Equal to 1e-4 relative or 1e-6 absolute, as the recording promises."""
    torch.testing.assert_close(torch.as_tensor(actual), torch.as_tensor(expected), rtol=1e-4, atol=1e-6)


def same_tensors(actual: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert actual.keys() == expected.keys()
    for name, tensor in expected.items():
        same(actual[name].to(tensor.dtype), tensor)


def test_there_is_a_recording():
    assert RECORDINGS


def test_label_mapping(replay):
    assert replay.dense_mapping == replay.recorded["mapping.dense"]
    assert replay.sparse_mapping == replay.recorded["mapping.sparse"]


def test_losses(replay):
    same(replay.stage1.losses, replay.recorded["losses"]["stage1"])
    same(replay.stage2.losses, replay.recorded["losses"]["stage2"])


def test_thresholds(replay):
    same(replay.stage1.thresholds, replay.recorded["thresholds"])


def test_scores(replay):
    same_tensors(replay.initial_scores, replay.group("scores.initial."))
    same_tensors(replay.scores, replay.group("scores.final."))


def test_masks(replay):
    expected = replay.group("mask.")
    assert replay.masks.keys() == expected.keys()
    for name, mask in expected.items():
        assert torch.equal(replay.masks[name], mask.bool()), name
        assert torch.equal(replay.model.masks()[name], mask.bool()), name
    assert sum(int(mask.sum()) for mask in replay.masks.values()) == replay.recorded["kept"]
    assert sum(mask.numel() for mask in replay.masks.values()) == replay.recorded["total"]


def test_prompt(replay):
    prompt = replay.model.visual_prompt
    assert torch.equal(prompt.prompt_mask.expand(3, -1, -1), replay.tensors["prompt.mask"].bool().expand(3, -1, -1))
    same(replay.prompt_after_stage1, replay.tensors["prompt.stage1"])
    same(prompt.prompt.detach(), replay.tensors["prompt.final"])


def test_weights_and_running_statistics(replay):
    own = ("weight_mask",)
    state = {key: value for key, value in replay.model.backbone.state_dict().items() if not key.endswith(own)}
    same_tensors(state, replay.group("final."))


@pytest.mark.parametrize("moment", ["before", "stage1", "stage2"])
def test_logits(replay, moment):
    for view in ("plain", "prompted"):
        name = f"{moment}.logits.{view}"
        same(replay.logits[name], replay.tensors[name])


def test_the_initial_mask_is_the_recorded_one(replay):
    model = copy.deepcopy(replay.start)
    Pruner().learn(model, scaled_weight(ScoringContext(model)), replay.sparsity).update()
    assert sum(int(mask.sum()) for mask in model.masks().values()) == replay.recorded["kept"]
