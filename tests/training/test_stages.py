from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.optim import Optimizer

from tests.helpers import copied, prune_at_random, same
from tests.training_helpers import Recorder, dense_model, make_run, parameters_of, random_batches
from vpns_hf import VPNsForImageClassification
from vpns_hf.data import Batch
from vpns_hf.label_mapping import (
    FrequencyMapping,
    IdentityMapping,
    IterativeMapping,
    LabelMapping,
    RandomMapping,
    frequency_map,
)
from vpns_hf.methods.stages import FindMaskStage, FineTuneStage, FitLabelMapping, PretrainStage, count_predictions
from vpns_hf.pruning import LearnedLayer, Pruner
from vpns_hf.pruning.criteria import ScoringContext, scaled_weight
from vpns_hf.training import AdamSpec, OptimizerSpec, Run, SGDSpec, TrainingStage, train

ADAM = AdamSpec(1e-2, 1e-1, 1e-4)
# A decay this strong moves every weight that has no gradient as well.
SGD = SGDSpec(learning_rate=0.1, prompt_learning_rate=0.1, momentum=0.9, weight_decay=0.1)
BATCHES = 3


class Moments(Recorder):
    """Keeps prompt, scores and the prompt's optimiser state after every update."""

    def __init__(self, optimizer: list[Optimizer]) -> None:
        super().__init__()
        self.optimizer = optimizer
        self.prompts: list[Tensor] = []
        self.trained: list[Tensor] = []
        self.states: list[dict[str, Tensor]] = []

    def on_update(self, run: Run, stage, update, loss: Tensor) -> None:
        super().on_update(run, stage, update, loss)
        prompt = run.model.visual_prompt.prompt
        state = self.optimizer[0].state[prompt]
        self.prompts.append(prompt.detach().clone())
        self.states.append({name: torch.as_tensor(value).clone() for name, value in state.items()})
        trained = [parameter.detach().flatten() for parameter in stage.parameters(run.model)]
        self.trained.append(torch.cat(trained))


def watched(stage_class: type[TrainingStage], *arguments: object) -> tuple[TrainingStage, Moments]:
    """A stage and what records its updates, its optimiser included."""
    optimizers: list[Optimizer] = []

    class Watched(stage_class):
        def build_optimizers(self, model: VPNsForImageClassification) -> dict[str, Optimizer]:
            built = super().build_optimizers(model)
            optimizers.extend(built.values())
            return built

    return Watched(*arguments), Moments(optimizers)


def a_run(model: VPNsForImageClassification, recorder=None) -> Run:
    return make_run(model, random_batches(BATCHES), random_batches(BATCHES, seed=1), recorder=recorder)


def find_mask(
    epochs: int = 1,
    optimizer: OptimizerSpec = ADAM,
    mapping: LabelMapping | None = None,
    interval: int = 1,
    sparsity: float = 0.6,
):
    return FindMaskStage(epochs, optimizer, scaled_weight, sparsity, None, mapping, interval)


def test_the_mask_search_leaves_weights_and_moves_running_statistics():
    model = prune_at_random(dense_model())
    weights = parameters_of(model.backbone)
    statistics = {name: buffer.clone() for name, buffer in model.named_buffers() if "running" in name}
    prompt, mapping = model.visual_prompt.prompt.detach().clone(), model.label_mapping.clone()
    masks = copied(model.masks())
    train(a_run(model), find_mask())
    after = parameters_of(model.backbone)
    assert after.keys() == weights.keys()  # no scores are left behind
    assert same(weights, after)
    assert all(not torch.equal(dict(model.named_buffers())[name], value) for name, value in statistics.items())
    assert not torch.equal(model.visual_prompt.prompt, prompt)
    assert any(not torch.equal(mask, masks[name]) for name, mask in model.masks().items())
    assert torch.equal(model.label_mapping, mapping)


@pytest.mark.parametrize("stage", [find_mask(), FineTuneStage(1, SGD), PretrainStage(1, SGD)])
@pytest.mark.parametrize("before", [True, False])
def test_only_what_is_trained_gets_a_gradient(stage, before):
    model = dense_model().requires_grad_(before)
    train(a_run(model), stage)
    wanted = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    weights = {f"backbone.{name}" for name, _ in model.backbone.named_parameters()}
    assert wanted == {"visual_prompt.prompt"} | (set() if isinstance(stage, FindMaskStage) else weights)


def test_batch_norm_sees_every_batch_of_both_views_once():
    model = dense_model()
    train(a_run(model), find_mask(epochs=2))
    counts = {int(buffer) for name, buffer in model.named_buffers() if name.endswith("num_batches_tracked")}
    assert counts == {2 * 2 * BATCHES}


@pytest.mark.parametrize("stage_class", [FindMaskStage, FineTuneStage])
def test_only_the_prompted_update_changes_the_prompt(stage_class):
    arguments = (1, ADAM, scaled_weight, 0.6) if stage_class is FindMaskStage else (1, SGD)
    model = prune_at_random(dense_model())
    stage, moments = watched(stage_class, *arguments)
    before = model.visual_prompt.prompt.detach().clone()
    train(a_run(model, recorder=moments), stage)
    assert len(moments.prompts) == 2 * BATCHES
    for prompted, plain in zip(range(0, 2 * BATCHES, 2), range(1, 2 * BATCHES, 2), strict=True):
        assert not torch.equal(moments.prompts[prompted], before)
        assert torch.equal(moments.prompts[plain], moments.prompts[prompted])
        assert moments.states[plain].keys() == moments.states[prompted].keys() != set()
        for name, value in moments.states[prompted].items():
            assert torch.equal(moments.states[plain][name], value), name
        # ... while the plain batch does train scores or weights.
        assert not torch.equal(moments.trained[plain], moments.trained[prompted])
        before = moments.prompts[plain]


def test_the_adam_of_the_prompt_counts_prompted_updates_only():
    stage, moments = watched(FindMaskStage, 1, ADAM, scaled_weight, 0.6)
    train(a_run(dense_model(), recorder=moments), stage)
    assert [int(state["step"]) for state in moments.states] == [1, 1, 2, 2, 3, 3]


def test_a_prompt_moves_on_its_frame_only():
    model = dense_model()
    train(a_run(model), find_mask(optimizer=AdamSpec(0.0, 1e-1, 0.0)))
    frame = model.visual_prompt.prompt_mask.expand(3, -1, -1)
    assert (model.visual_prompt.prompt[frame] != 0).all()
    assert (model.visual_prompt.prompt[~frame] == 0).all()


def test_the_mask_follows_the_scores_after_every_update():
    kept, threshold = [], []

    class Counted(FindMaskStage):
        def after_update(self, run: Run) -> None:
            super().after_update(run)
            kept.append(sum(int(mask.sum()) for mask in run.model.masks().values()))
            scores = torch.cat([score.detach().abs().flatten() for score in self.mask.scores])
            mask = torch.cat([mask.flatten() for mask in run.model.masks().values()])
            threshold.append(bool(scores[mask].min() >= scores[~mask].max()))

    model = dense_model()
    total = sum(mask.numel() for mask in model.masks().values())
    train(a_run(model), Counted(1, ADAM, scaled_weight, 0.6))
    assert kept == [total - 6 * total // 10] * 2 * BATCHES
    assert all(threshold)


def test_fine_tuning_keeps_the_mask_and_moves_everything_else():
    model = prune_at_random(dense_model())
    masks = copied(model.masks())
    before, prompt = parameters_of(model.backbone), model.visual_prompt.prompt.detach().clone()
    train(a_run(model), FineTuneStage(1, SGD))
    assert same(model.masks(), masks)
    after = parameters_of(model.backbone)
    assert all(not torch.equal(after[name], value) for name, value in before.items())
    assert not torch.equal(model.visual_prompt.prompt, prompt)


def test_a_pruned_weight_has_no_gradient_but_decays():
    model = prune_at_random(dense_model())
    layer, before = model.masked_layers()["classifier.1"], model.backbone.classifier[1].weight.detach().clone()
    train(a_run(model), FineTuneStage(1, SGDSpec(0.1, 0.0, 0.0, 0.1)))
    pruned = ~layer.weight_mask
    assert pruned.any()
    decayed = before[pruned] * (1 - 0.1 * 0.1) ** (2 * BATCHES)
    torch.testing.assert_close(layer.weight.detach()[pruned], decayed)


def test_pretraining_leaves_prompt_and_masks():
    model = dense_model()
    before, prompt = parameters_of(model.backbone), model.visual_prompt.prompt.detach().clone()
    recorder = Recorder()
    train(a_run(model, recorder=recorder), PretrainStage(1, SGD))
    assert len(recorder.losses) == BATCHES
    assert torch.equal(model.visual_prompt.prompt, prompt)
    assert model.sparsity == 0
    assert all(not torch.equal(value, before[name]) for name, value in parameters_of(model.backbone).items())


@pytest.mark.parametrize("stage", [find_mask(epochs=0), FineTuneStage(0, SGD), PretrainStage(0, SGD)])
def test_no_epochs_leave_the_parameters(stage):
    model = dense_model()
    before, run = parameters_of(model), a_run(model)
    train(run, stage)
    assert same(parameters_of(model), before)
    assert run.history == []


def test_the_mask_search_without_epochs_still_masks_by_the_initial_scores():
    model = dense_model()
    train(a_run(model), find_mask(epochs=0, sparsity=0.6))
    total = sum(mask.numel() for mask in model.masks().values())
    assert sum(int(mask.sum()) for mask in model.masks().values()) == total - 6 * total // 10


class CountsFits:
    """Mixed into a mapping: counts how often it is fitted."""

    fits = 0

    def fit(self, count_predictions, source, target):
        self.fits += 1
        return super().fit(count_predictions, source, target)


@pytest.mark.parametrize(("epochs", "interval", "fits"), [(5, 1, 4), (5, 2, 2), (4, 3, 1), (3, 3, 0), (1, 1, 0)])
def test_the_iterative_mapping_is_fitted_every_interval(epochs, interval, fits):
    class Mapping(CountsFits, IterativeMapping):
        pass

    mapping = Mapping(0)
    train(a_run(dense_model()), find_mask(epochs, ADAM, mapping, interval))
    assert mapping.fits == fits


@pytest.mark.parametrize("mapping_class", [FrequencyMapping, RandomMapping, IdentityMapping])
def test_other_mappings_are_not_fitted_again(mapping_class):
    class Mapping(CountsFits, mapping_class):
        pass

    mapping, model = Mapping(0), dense_model()
    model.label_mapping.copy_(torch.tensor([4, 2, 0]))
    train(a_run(model), find_mask(3, ADAM, mapping))
    assert mapping.fits == 0
    assert model.label_mapping.tolist() == [4, 2, 0]


def test_the_iterative_mapping_follows_the_current_prompt():
    model = dense_model()
    mapped = []

    class Mapping(IterativeMapping):
        def fit(self, count_predictions, source, target):
            mapped.append(count_predictions())
            return torch.tensor([len(mapped), 0, 4])

    run = a_run(model)
    train(run, find_mask(3, AdamSpec(0.0, 10.0, 0.0), Mapping(0)))
    assert model.label_mapping.tolist() == [2, 0, 4]
    assert len(mapped) == 2


@pytest.mark.parametrize("mapping", [IdentityMapping(0), RandomMapping(3), RandomMapping(4)])
def test_a_mapping_that_needs_no_counts_is_set(mapping):
    model = dense_model()
    model.label_mapping.copy_(torch.tensor([4, 4, 4]))
    FitLabelMapping(mapping, 0.6).apply(a_run(model))
    assert torch.equal(model.label_mapping, mapping.fit(None, list("abcde"), list("xyz")))


def test_predictions_are_counted_with_the_prompt_in_evaluation_mode():
    model = prune_at_random(dense_model()).train()
    batches = random_batches(BATCHES)
    run = make_run(model, batches, batches, mapping=batches)
    expected = torch.zeros(5, 3, dtype=torch.int64)
    for batch in batches:
        with torch.no_grad():
            sources = model.eval().source_logits(batch.pixel_values, prompted=True).argmax(1)
        for source, target in zip(sources, batch.labels, strict=True):
            expected[source, target] += 1
    model.train()
    assert torch.equal(count_predictions(run), expected)
    assert model.training


def test_rows_that_only_fill_up_are_not_counted():
    batch = random_batches(1)[0]
    filled = Batch(batch.pixel_values, batch.labels, torch.tensor([True, True, True, False]))
    run = make_run(dense_model(), [batch], [batch], mapping=[filled])
    assert count_predictions(run).sum() == 3


def test_the_label_mapping_is_fitted_on_the_masked_network_and_leaves_no_mask():
    counts = {}

    class Mapping(FrequencyMapping):
        def fit(self, count_predictions, source, target):
            counts["masked"] = count_predictions()
            return super().fit(count_predictions, source, target)

    model = dense_model()
    run = a_run(model)
    FitLabelMapping(Mapping(0), 0.9).apply(run)
    assert model.sparsity == 0
    assert not torch.equal(counts["masked"], count_predictions(run))
    Pruner().apply(model, scaled_weight(ScoringContext(model)), 0.9)
    assert model.sparsity == pytest.approx(0.9, abs=1e-3)
    assert torch.equal(counts["masked"], count_predictions(run))
    assert not any(isinstance(layer, LearnedLayer) for layer in model.masked_layers().values())


def test_the_label_mapping_is_fitted_on_the_network_as_it_is_if_asked_for():
    model = dense_model()
    run = a_run(model)
    FitLabelMapping(FrequencyMapping(0)).apply(run)
    dense = model.label_mapping.clone()
    assert torch.equal(dense, frequency_map(count_predictions(run)))
    FitLabelMapping(FrequencyMapping(0), 0.9).apply(run)
    assert not torch.equal(model.label_mapping, dense)
