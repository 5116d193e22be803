"""HYDRA: a search that never sees the prompt, in the setting VPNs compares with and in that of its own paper."""

from __future__ import annotations

import pytest
import torch

from tests.helpers import same
from tests.methods.running import SPARSITY, counts, new_run, sizes, stages_of
from tests.training_helpers import dense_model, parameters_of
from vpns_hf import VPNsForImageClassification
from vpns_hf.methods import stages as stage_kinds
from vpns_hf.pruning import num_dropped
from vpns_hf.training import AdamSpec, Callback, SGDSpec, normalisation_layers, run_stages


class Watch(Callback):
    """What is in force at each update of a stage, and whether the prompt is called before it."""

    def __init__(self, model: VPNsForImageClassification) -> None:
        self.updates: list[tuple[str, bool, bool]] = []
        self.called = False
        model.visual_prompt.register_forward_hook(self._note)

    def _note(self, *details) -> None:
        self.called = True

    def on_stage_begin(self, run, stage) -> None:
        self.called = False

    def on_update(self, run, stage, update, loss) -> None:
        self.updates.append((stage.name, update.prompted, self.called))
        self.called = False

    def on_epoch_end(self, run, record) -> None:
        self.called = False  # the evaluation measures both views


def affine_of(model: VPNsForImageClassification) -> list[torch.Tensor]:
    return [entry.detach().clone() for layer in normalisation_layers(model) for entry in layer.parameters()]


def statistics_of(model: VPNsForImageClassification) -> list[torch.Tensor]:
    return [layer.running_mean.clone() for layer in normalisation_layers(model)]


def searched(prompt: str = "fix", **changes: object):
    """A run after mapping and search, its watch, and the model it started from; a prompt of this kind is seen at once."""
    model = dense_model(visual_prompt=prompt, prompt_size=6)
    run = new_run(model)
    watch = Watch(run.model)
    run.callbacks = [watch]
    run_stages(run, stages_of("hydra", **changes)[:-1])
    return run, watch, dense_model(visual_prompt=prompt, prompt_size=6)


@pytest.mark.parametrize("original", [False, True])
@pytest.mark.parametrize("prompt", ["fix", "pad"])
def test_the_prompt_is_neither_applied_nor_changed_in_the_search(original, prompt):
    run, watch, start = searched(prompt, hydra_original=original, find_mask_epochs=2)
    assert watch.updates == [("find_mask", False, False)] * 8
    assert torch.equal(run.model.visual_prompt.prompt, start.visual_prompt.prompt)


def test_a_prompt_that_is_asked_for_is_learned_in_tuning():
    model = dense_model()
    run = new_run(model)
    watch = Watch(model)
    run.callbacks = [watch]
    run_stages(run, stages_of("hydra"))
    assert watch.updates[4:] == [("finetune", True, True), ("finetune", False, False)] * 2
    assert (model.visual_prompt.prompt != 0).any()


def test_both_updates_see_the_images_of_vpns():
    """The first those of the prompted update, upright, the second those of the plain one."""
    search, reference = stages_of("hydra")[1], stages_of("vpns")[1]
    data = new_run().data
    assert [update.stream(data) for update in search.updates] == [data.prompted, data.plain]
    assert [update.stream(data) for update in reference.updates] == [data.prompted, data.plain]


def test_normalisation_is_frozen_while_its_statistics_move():
    run, _, start = searched()
    assert all(torch.equal(*pair) for pair in zip(affine_of(run.model), affine_of(start), strict=True))
    assert all(not torch.equal(*pair) for pair in zip(statistics_of(run.model), statistics_of(start), strict=True))
    weights = parameters_of(start.backbone)
    assert same(parameters_of(run.model.backbone), weights)


def test_the_original_trains_normalisation_and_leaves_all_other_weights():
    run, _, start = searched(hydra_original=True)
    pairs = zip(affine_of(run.model), affine_of(start), strict=True)
    assert all(not torch.equal(*pair) for pair in pairs)
    norms = {id(entry) for layer in normalisation_layers(run.model) for entry in layer.parameters()}
    before = parameters_of(start.backbone)
    others = [name for name, entry in run.model.backbone.named_parameters() if id(entry) not in norms]
    after = parameters_of(run.model.backbone)
    assert others
    assert all(torch.equal(after[name], before[name]) for name in others)


def test_the_original_ranks_each_layer_by_itself_whatever_the_scope():
    for scope in ("global", "layer"):
        run, _, _ = searched(hydra_original=True, scope=scope)
        assert counts(run) == [size - num_dropped(size, SPARSITY) for size in sizes(run)]
    run, _, _ = searched()
    assert counts(run) != [size - num_dropped(size, SPARSITY) for size in sizes(run)]
    assert sum(counts(run)) == sum(sizes(run)) - num_dropped(sum(sizes(run)), SPARSITY)


def test_the_optimisers_of_the_two_searches():
    own, original = (stages_of("hydra", hydra_original=value)[1] for value in (False, True))
    assert own.optimizer == AdamSpec(0.1, 0.0, 1e-4)
    assert original.optimizer == SGDSpec(0.1, 0.0, 0.9, 1e-4)
    assert isinstance(own, stage_kinds.FindMaskStage)
