"""BiP: the implicit gradient, and two levels with a batch, an optimiser and a schedule each."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from tests.helpers import hand_pictures, prune_at_random, same
from tests.methods.running import SPARSITY, masks_of, new_run, ran, stages_of
from tests.pruning.criteria.scoring import exact_hand_model
from tests.training_helpers import dense_model, make_run, random_batches, without_batch_norm
from vpns_hf import VPNsForImageClassification
from vpns_hf.methods.stages import FindMaskBilevel
from vpns_hf.pruning import LearnedLayer, LearnedMask, LearnedWeights, Pool, Pruner
from vpns_hf.pruning.criteria import magnitude
from vpns_hf.training import Callback, SGDSpec, Stepping, run_stages, train

SGD = SGDSpec(0.1, 0.1, 0.9, 1e-4)
LABELS = torch.tensor([1, 4, 0, 5])


def search(gamma: float = 1.0, epochs: int = 1) -> FindMaskBilevel:
    return FindMaskBilevel(epochs, SGD, SGDSpec(0.1, 0.0, 0.9, 0.0), magnitude, SPARSITY, Pruner(), gamma)


def run_with(scaler: object = None) -> SimpleNamespace:
    return SimpleNamespace(accelerator=SimpleNamespace(scaler=scaler))


def learning(model: VPNsForImageClassification) -> LearnedMask:
    """The mask of a float64 network with scores of float64 that are not its weights, of both signs."""
    model.eval().requires_grad_(True)
    layers = model.masked_layers()
    scores = [torch.cos(7 * layer.weight.detach()) * layer.weight.detach() for layer in layers.values()]
    mask = LearnedWeights(layers, scores, [Pool((0, 1), 79)])
    mask.update()
    return mask


def loss_of(model: VPNsForImageClassification, weights: dict[str, Tensor]) -> Tensor:
    """The loss with these masked weights."""
    tensors = {f"backbone.{name}.weight": weight for name, weight in weights.items()}
    return F.cross_entropy(
        functional_call(model, tensors, (hand_pictures(4, 3, 8, 8).double(),), {"prompted": False}).logits, LABELS
    )


def upper_gradients(gamma: float, scaler: object = None, scale: float = 1.0) -> tuple[LearnedMask, list[Tensor]]:
    """The gradient of the scores in an upper step, and the mask with everything it followed from."""
    model, stage = exact_hand_model(), search(gamma)
    stage.mask = learning(model)
    logits = model(hand_pictures(4, 3, 8, 8).double(), prompted=False).logits
    (scale * F.cross_entropy(logits, LABELS)).backward()
    stage.after_backward(run_with(scaler), FindMaskBilevel.updates[1])
    return stage.mask, [layer.scores.grad for layer in stage.mask.layers]


def differences(mask: LearnedMask, gamma: float) -> list[Tensor]:
    """d/dm' of l(m' * (w - (m' - m) g / gamma)) at m' = m, g fixed, by differences of the fourth order."""
    plain = exact_hand_model().eval()
    names = list(plain.masked_layers())
    weights = dict(zip(names, (layer.weight.detach() for layer in mask.layers), strict=True))
    masks = dict(zip(names, (layer.double() for layer in mask.masks), strict=True))
    leaves = {name: (masks[name] * weights[name]).requires_grad_() for name in names}
    along = dict(zip(names, torch.autograd.grad(loss_of(plain, leaves), list(leaves.values())), strict=True))

    def moved(name: str, place: int, by: float) -> float:
        change = torch.zeros_like(masks[name])
        change.view(-1)[place] = by
        masked = (masks[name] + change) * (weights[name] - change * along[name] / gamma)
        return loss_of(plain, {**leaves, name: masked}).item()

    def slope(name: str, place: int, step: float = 1e-5) -> float:
        near, far = (moved(name, place, by) - moved(name, place, -by) for by in (step, 2 * step))
        return (8 * near - far) / (12 * step)

    with torch.no_grad():
        return [
            torch.tensor([slope(name, place) for place in range(masks[name].numel())], dtype=torch.float64)
            for name in names
        ]


def test_the_implicit_gradient_is_that_of_weights_that_follow_their_mask():
    mask, gradients = upper_gradients(gamma=1.0)
    _, without = upper_gradients(gamma=1e300)
    for layer, gradient, straight, expected in zip(
        mask.layers, gradients, without, differences(mask, 1.0), strict=True
    ):
        found = (gradient * layer.scores.sign()).flatten()
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
        off = (straight * layer.scores.sign()).flatten() - expected
        assert off.abs().max() > 1e-4
        assert (off[~layer.weight_mask.flatten()].abs() < 1e-10).all()


def test_a_scaled_loss_gives_the_scaled_gradient():
    """Half precision scales the loss, of which the implicit term is no linear function."""
    _, expected = upper_gradients(gamma=1.0)
    _, found = upper_gradients(1.0, SimpleNamespace(get_scale=lambda: 64.0), scale=64.0)
    for gradient, scaled in zip(expected, found, strict=True):
        torch.testing.assert_close(scaled, 64 * gradient, rtol=1e-12, atol=1e-15)


def test_a_batch_in_parts_gives_the_gradient_of_the_whole():
    """The square of a mean is not the mean of squares."""
    found = []
    for parts in (1, 2):
        model = prune_at_random(without_batch_norm(), sparsity=0.0)
        run = make_run(model, random_batches(2, seed=1), random_batches(2, seed=2))
        run.stepping = Stepping(parts=parts)
        train(run, search(gamma=0.01))
        found.append(model.state_dict())
    assert {name for name, value in found[0].items() if not torch.allclose(value, found[1][name], atol=1e-6)} == set()


class Levels(Callback):
    """What each update of the search changes, and whether the masked weights agree with weights and masks after it."""

    def __init__(self) -> None:
        self.changed, self.agree, self.apart, self.rates = [], [], [], []

    def on_stage_begin(self, run, stage) -> None:
        self.before = self._state(run)
        if isinstance(stage, FindMaskBilevel):
            self.start = self.before["scores"]

    def on_update(self, run, stage, update, loss) -> None:
        if isinstance(stage, FindMaskBilevel):
            now = self._state(run)
            names = {kind for kind, value in now.items() if not torch.equal(value, self.before[kind])}
            self.changed.append((update.view, names - {"masks"}, "masks" in names))
            self.before = now
            layers = run.model.masked_layers().values()
            self.agree.append(all(torch.equal(layer.masked_weight, layer.masked()) for layer in layers))
            self.apart.append(all(layer.scores.data_ptr() != layer.weight.data_ptr() for layer in layers))

    def on_epoch_end(self, run, record) -> None:
        if run.stage is not None and isinstance(run.stage, FindMaskBilevel):
            self.rates.append([schedule.get_last_lr()[0] for schedule in run.progress.schedules.values()])

    def _state(self, run) -> dict[str, Tensor]:
        layers = run.model.masked_layers().values()
        kinds = {"weights": [layer.weight for layer in layers], "prompt": [run.model.visual_prompt.prompt]}
        kinds["masks"] = [layer.weight_mask for layer in layers]
        kinds["scores"] = [layer.scores for layer in layers if isinstance(layer, LearnedLayer)]
        flat = {kind: [tensor.detach().flatten() for tensor in tensors] for kind, tensors in kinds.items()}
        return {kind: torch.cat(tensors).clone() if tensors else torch.zeros(0) for kind, tensors in flat.items()}


@pytest.fixture(scope="module")
def levels() -> Levels:
    watch = Levels()
    ran(stages_of("bip"), watch)
    return watch


def test_weights_and_prompt_move_in_the_first_step_and_scores_in_the_second(levels):
    assert [entry[:2] for entry in levels.changed] == [("prompted", {"weights", "prompt"}), ("plain", {"scores"})] * 2
    assert [masks for view, _, masks in levels.changed if view == "prompted"] == [False, False]
    assert any(masks for view, _, masks in levels.changed if view == "plain")


def test_masked_weights_follow_both(levels):
    assert all(levels.agree)


def test_scores_start_at_the_weights_with_storage_of_their_own(levels):
    assert all(levels.apart)
    model = dense_model()
    read = torch.cat([layer.weight.detach().flatten() for layer in list(model.masked_layers().values())[:-1]])
    assert torch.equal(levels.start[: len(read)], read)


def test_the_two_steps_see_two_batches():
    data = new_run().data
    assert [update.stream(data) for update in FindMaskBilevel.updates] == [data.prompted, data.plain]
    assert [update.prompted for update in FindMaskBilevel.updates] == [True, False]


def test_rates_of_weights_fall_by_a_cosine_and_those_of_scores_in_steps():
    stage = search(epochs=20)
    schedules = []
    for name in ("main", "scores"):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        schedule = stage.build_schedule(name, optimizer)
        rates = []
        for _ in range(20):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        schedules.append(rates)
    assert schedules[0][10] == pytest.approx(0.05)
    assert schedules[1] == pytest.approx([0.1] * 15 + [0.01] * 3 + [0.001] * 2)


def test_the_options_reach_the_search():
    stage = stages_of("bip", bip_gamma=3.0, bip_learning_rate=0.2, bip_score_learning_rate=0.3, weight_decay=0.4)[1]
    assert (stage.gamma, stage.optimizer, stage.score_optimizer) == (
        3.0,
        SGDSpec(0.2, 0.2, 0.9, 0.4),
        SGDSpec(0.3, 0.0, 0.9, 0.0),
    )


def test_tuning_goes_on_with_the_weights_of_the_search_and_its_mask():
    _, found, _, tuning = stages_of("bip")
    run = new_run()
    run_stages(run, [found])
    weights = {name: layer.weight.detach().clone() for name, layer in run.model.masked_layers().items()}
    start = dense_model().masked_layers()
    assert all(not torch.equal(weight, start[name].weight) for name, weight in weights.items())
    masks = masks_of(run)
    seen = []

    class Seen(Callback):
        def on_stage_begin(self, run, stage) -> None:
            layers = run.model.masked_layers().items()
            seen.append({name: layer.weight.detach().clone() for name, layer in layers})

    run.callbacks, run.finished = [Seen()], 0
    run_stages(run, [tuning])
    assert same(weights, seen[0])
    assert same(masks, masks_of(run))
    assert not any(isinstance(layer, LearnedLayer) for layer in run.model.masked_layers().values())


def test_the_curvature_decides_on_the_mask():
    masks = [masks_of(ran(stages_of("bip", bip_gamma=gamma)[:2])) for gamma in (1e-3, 1e4)]
    assert not same(*masks)
