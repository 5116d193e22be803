"""One iteration of the mask search on the net of the hand-checked numbers, at the paper's learning rates."""

from __future__ import annotations

import pytest
import torch

from tests.helpers import hand_pictures
from tests.training_helpers import Recorder, hand_batches, hand_model, make_run
from vpns_hf.jobs import VPNsTrainingArguments
from vpns_hf.methods.stages import FindMaskStage
from vpns_hf.pruning.criteria import scaled_weight
from vpns_hf.training import AdamSpec, train

DEFAULTS = VPNsTrainingArguments()
PAPER = AdamSpec(DEFAULTS.score_learning_rate, DEFAULTS.prompt_learning_rate, DEFAULTS.weight_decay)


class Iteration:
    """The iteration, carried out once."""

    def __init__(self) -> None:
        self.model, self.recorder, self.score_sums = hand_model(), Recorder(), {}
        prompted, plain = hand_batches()
        iteration = self

        class KeepScores(FindMaskStage):
            def finish(self, run) -> None:
                sums = {name: layer.scores.sum().item() for name, layer in run.model.masked_layers().items()}
                iteration.score_sums.update(sums)
                super().finish(run)

        stage = KeepScores(1, PAPER, scaled_weight, 0.7)
        train(make_run(self.model, [prompted], [plain], recorder=self.recorder), stage)

    @torch.no_grad()
    def logits(self, prompted: bool) -> torch.Tensor:
        return self.model.eval()(hand_pictures(2, 3, 8, 8)[:1], prompted=prompted).logits[0]


@pytest.fixture(scope="module")
def iteration() -> Iteration:
    return Iteration()


def test_the_learning_rates_are_the_papers():
    assert AdamSpec(1e-4, 1e-4, 1e-4) == PAPER


def test_losses(iteration):
    assert iteration.recorder.losses == pytest.approx([1.6376095, 1.1886469], abs=2e-6)


def test_thresholds(iteration):
    assert iteration.recorder.thresholds[0] == pytest.approx(0.4508443, abs=1e-6)
    assert iteration.recorder.thresholds[-1] == pytest.approx(0.4509538, abs=1e-6)


def test_sums_of_the_scores(iteration):
    assert iteration.score_sums == pytest.approx({"net.conv": 0.4868314, "net.linear": 1.3971677}, abs=2e-6)


def test_the_l1_norm_of_the_prompt(iteration):
    assert iteration.model.visual_prompt.prompt.abs().sum().item() == pytest.approx(0.01439979, abs=1e-7)


def test_logits_in_evaluation(iteration):
    expected = {False: [0.149477, 0.781248, 0.084785, 0.464773], True: [0.149425, 0.781235, 0.084833, 0.464725]}
    for prompted, logits in expected.items():
        assert iteration.logits(prompted).tolist() == pytest.approx(logits, abs=2e-6)


def test_what_is_kept(iteration):
    assert [int(mask.sum()) for mask in iteration.model.masks().values()] == [21, 19]
