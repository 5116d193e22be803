"""Parts of a batch, clipped gradients and updates that are left out."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from tests.helpers import prune_at_random, same
from tests.training_helpers import Recorder, dense_model, make_run, parameters_of, random_batches, without_batch_norm
from vpns_hf import VPNsForImageClassification
from vpns_hf.data import Batch
from vpns_hf.methods.stages import FindMaskStage, FineTuneStage, PretrainStage
from vpns_hf.pruning.criteria import scaled_weight
from vpns_hf.training import AdamSpec, SGDSpec, SkipNonFinite, Stepping, running_statistics, train

SGD = SGDSpec(learning_rate=0.1, prompt_learning_rate=0.1, momentum=0.9, weight_decay=0.01)
ADAM = AdamSpec(1e-2, 1e-2, 1e-4)
STAGES = {"finetune": (FineTuneStage, 1, SGD), "find_mask": (FindMaskStage, 1, ADAM, scaled_weight, 0.5)}


def trained(model, stage, stepping, prompted, plain, recorder=None):
    run = make_run(model, prompted, plain, recorder=recorder)
    run.stepping = stepping
    train(run, stage)
    return run


@pytest.mark.parametrize("parts", [2, 3, 4, 100])
def test_the_update_is_that_of_the_whole_batch(parts):
    batches = random_batches(2, size=9), random_batches(2, size=9, seed=1)
    ends, losses = [], []
    for count in (1, parts):
        model, recorder = without_batch_norm(), Recorder()
        trained(model, FineTuneStage(1, SGD), Stepping(count), *batches, recorder)
        ends.append(parameters_of(model))
        losses.append(recorder.losses)
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for name, value in ends[0].items():
        torch.testing.assert_close(ends[1][name], value, rtol=1e-4, atol=1e-6)


def test_the_mask_is_that_of_the_whole_batch():
    masks = []
    for count in (1, 3):
        model = without_batch_norm()
        trained(
            model,
            FindMaskStage(1, ADAM, scaled_weight, 0.5),
            Stepping(count),
            random_batches(3, 6),
            random_batches(3, 6, seed=1),
        )
        masks.append(model.masks())
    assert same(masks[0], masks[1])


def sizes_seen(parts: int, size: int) -> list[int]:
    """The numbers of pictures that pass through the network in an update of `size`."""
    model, seen = dense_model(), []
    model.backbone.register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0])))
    trained(model, PretrainStage(1, SGD), Stepping(parts), [], random_batches(1, size))
    return seen


@pytest.mark.parametrize(
    ("parts", "size", "seen"), [(1, 8, [8]), (2, 8, [4, 4]), (3, 8, [3, 3, 2]), (4, 7, [3, 2, 2]), (9, 3, [3])]
)
def test_parts_are_alike_in_size_and_never_of_one_picture(parts, size, seen):
    assert sizes_seen(parts, size) == seen


def gradient_norms(stepping: Stepping, monkeypatch) -> list[float]:
    norms = []
    stepped = torch.optim.SGD.step

    def step(self, closure=None):
        gradients = [entry.grad for group in self.param_groups for entry in group["params"] if entry.grad is not None]
        norms.append(float(torch.nn.utils.get_total_norm(gradients)))
        return stepped(self, closure)

    monkeypatch.setattr(torch.optim.SGD, "step", step)
    trained(without_batch_norm(), FineTuneStage(1, SGD), stepping, random_batches(2), random_batches(2, seed=1))
    monkeypatch.undo()
    return norms


def test_the_gradient_of_an_update_is_scaled_down_to_the_norm(monkeypatch):
    free = gradient_norms(Stepping(), monkeypatch)
    limit = free[0] / 2
    clipped = gradient_norms(Stepping(max_grad_norm=limit), monkeypatch)
    assert clipped[0] == pytest.approx(limit, rel=1e-4)
    assert max(clipped) <= limit * 1.0001
    assert gradient_norms(Stepping(max_grad_norm=1e6), monkeypatch) == pytest.approx(free)


def spoilt(batches: list[Batch], index: int) -> list[Batch]:
    """The batches, one of which has a pixel that is no number."""
    pixels = batches[index].pixel_values.clone()
    pixels[1, 0, 3, 3] = math.nan
    return [*batches[:index], batches[index]._replace(pixel_values=pixels), *batches[index + 1 :]]


def everything_of(model: VPNsForImageClassification) -> dict[str, Tensor]:
    state = {**model.state_dict(), **{f"statistic {i}": value for i, value in enumerate(running_statistics(model))}}
    return {name: value.clone() for name, value in state.items() if not name.endswith("num_batches_tracked")}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("place", [0, 1])
def test_an_update_that_is_left_out_leaves_no_trace(stage, place):
    plain = random_batches(3, seed=1)
    kind, *given = STAGES[stage]
    only_plain = type("OnlyPlain", (kind,), {"updates": kind.updates[1:]})
    ends = []
    for batches in (spoilt(plain, place), plain[:place] + plain[place + 1 :]):
        model = prune_at_random(dense_model(visual_prompt="none"))
        run = trained(model, only_plain(*given), Stepping(non_finite=SkipNonFinite()), [], batches)
        ends.append(everything_of(model))
    assert run.history[0].skipped == 0
    for name, value in ends[0].items():
        assert torch.equal(value, ends[1][name]), name


def test_updates_that_are_left_out_are_counted_and_have_no_part_in_the_loss(caplog):
    recorder = Recorder()
    prompted, plain = spoilt(random_batches(4), 2), spoilt(spoilt(random_batches(4, seed=1), 0), 3)
    stepping = Stepping(non_finite=SkipNonFinite())
    run = trained(dense_model(), FineTuneStage(1, SGD), stepping, prompted, plain, recorder)
    assert [math.isnan(loss) for loss in recorder.losses] == [False, True, False, False, True, False, False, True]
    assert run.history[0].skipped == 3
    kept = [loss for loss in recorder.losses[1::2] if not math.isnan(loss)]
    assert run.history[0].loss.plain == pytest.approx(sum(kept) / 2)
    assert "3 updates of epoch 1 of finetune were left out" in caplog.text
