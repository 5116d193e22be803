"""What updates make small: the cross-entropy, and what a teacher teaches."""

from __future__ import annotations

import copy
import math
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from tests.helpers import same
from tests.training_helpers import Recorder, dense_model, make_run, parameters_of, random_batches
from vpns_hf.data import Batch
from vpns_hf.methods.stages import FineTuneStage, Lesson
from vpns_hf.training import CrossEntropy, Distillation, SGDSpec, WeightedCrossEntropy, train

SGD = SGDSpec(learning_rate=0.05, prompt_learning_rate=0.05, momentum=0.9, weight_decay=0.0)


class Teacher(nn.Module):
    """The same logits for every picture, which depend on a parameter."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(logits)

    def forward(self, pixel_values: Tensor, prompted: bool) -> SimpleNamespace:
        assert not prompted
        return SimpleNamespace(logits=self.weight.expand(len(pixel_values), -1))


def test_the_loss_by_hand():
    """Softened by 2, a teacher of (1/4, 3/4) for a network of (1/2, 1/2): KL = ln(1/2) / 4 + 3 ln(3/2) / 4."""
    teacher, logits = Teacher(torch.tensor([0.0, 2 * math.log(3)])), torch.zeros(3, 2, requires_grad=True)
    output = SimpleNamespace(loss=logits.logsumexp(1).mean() - logits[:, 0].mean(), logits=logits)
    batch = Batch(torch.zeros(3, 3, 1, 1), torch.zeros(3, dtype=torch.int64))
    assert CrossEntropy()(output, batch) is output.loss
    loss = Distillation(teacher, 0.25, 2.0, nullcontext)(output, batch)
    divergence = math.log(1 / 2) / 4 + 3 * math.log(3 / 2) / 4
    assert loss.item() == pytest.approx(0.75 * math.log(2) + 0.25 * 4 * divergence)
    loss.backward()
    # Of each picture: (1 - A) (softmax - label) + A T (softened - taught), over 3 pictures.
    first = (0.75 * (0.5 - 1) + 0.25 * 2 * (0.5 - 0.25)) / 3
    torch.testing.assert_close(logits.grad, torch.tensor([[first, -first]] * 3))
    assert teacher.weight.grad is None


def tuned(lesson: Lesson | None) -> tuple[dict[str, Tensor], list[float]]:
    """The network after an epoch, and its losses."""
    recorder = Recorder()
    run = make_run(dense_model(), random_batches(3), random_batches(3, seed=1), recorder=recorder)
    run.teacher = dense_model(seed=4).requires_grad_(False).eval()
    before = copy.deepcopy(run.teacher.state_dict())
    train(run, FineTuneStage(1, SGD, lesson=lesson))
    assert not run.teacher.training
    assert same(run.teacher.state_dict(), before)
    return parameters_of(run.model), recorder.losses


def test_only_a_share_above_0_changes_the_bits_and_the_teacher_stays():
    plain, taught = tuned(None), tuned(Lesson(0.5, 4.0))
    assert taught[1] != plain[1]
    assert any(not torch.equal(value, taught[0][name]) for name, value in plain[0].items())


def test_a_network_that_agrees_with_its_teacher_has_nothing_to_learn():
    teacher, [batch] = dense_model().eval(), random_batches(1)
    output = SimpleNamespace(loss=torch.tensor(9.0), logits=teacher(batch.pixel_values, prompted=False).logits)
    assert Distillation(teacher, 1.0, 4.0, nullcontext)(output, batch).item() == pytest.approx(0.0, abs=1e-6)


def weighted_output() -> tuple[SimpleNamespace, Batch]:
    """Three pictures of the classes 0, 1 and 1, whose cross-entropies are ln 2, ln 4 and ln 4 / 3."""
    logits = torch.tensor([[0.0, 0.0], [math.log(3), 0.0], [0.0, math.log(3)]])
    return SimpleNamespace(loss=None, logits=logits), Batch(torch.zeros(3, 3, 1, 1), torch.tensor([0, 1, 1]))


def test_weighted_classes_by_hand():
    weighted = WeightedCrossEntropy(torch.tensor([0.5, 2.0]))
    loss = (0.5 * math.log(2) + 2 * math.log(4) + 2 * math.log(4 / 3)) / 3
    assert weighted(*weighted_output()).item() == pytest.approx(loss)
    teacher = Teacher(torch.zeros(2))
    alike = SimpleNamespace(loss=None, logits=torch.zeros(3, 2))
    taught = Distillation(teacher, 0.25, 2.0, nullcontext, untaught=weighted)(alike, weighted_output()[1])
    assert taught.item() == pytest.approx(0.75 * (0.5 + 2 + 2) / 3 * math.log(2))


def test_weighted_parts_add_up_to_the_whole():
    output, batch = weighted_output()
    weighted = WeightedCrossEntropy(torch.tensor([0.5, 2.0]))
    parts = [
        weighted(
            SimpleNamespace(loss=None, logits=output.logits[part]), Batch(batch.pixel_values[part], batch.labels[part])
        )
        * len(batch.labels[part])
        for part in (slice(0, 1), slice(1, 3))
    ]
    assert sum(parts).item() == pytest.approx(3 * weighted(output, batch).item())


@pytest.mark.parametrize("lesson", [None, Lesson(0.5, 4.0)])
def test_every_stage_learns_by_the_loss_of_its_run(lesson):
    run = make_run(dense_model(), [], [])
    run.teacher, run.classification = dense_model(), WeightedCrossEntropy(torch.ones(3))
    objective = FineTuneStage(1, SGD, lesson=lesson).objective(run)
    assert (objective if lesson is None else objective.untaught) is run.classification
