"""Runs that start from the mask of another."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.helpers import refusal, same, tiny_vgg
from tests.methods.running import PRUNING, SPARSITY, STEPS, arguments, masks_of, new_run
from tests.training_helpers import dense_model, tiny_trainer
from vpns_hf import InputError, VPNsForImageClassification
from vpns_hf.jobs import public_recipe
from vpns_hf.methods import METHODS, Task, check_stages, foreseen_empty_layers
from vpns_hf.methods.stages import Prune, StartFromMask
from vpns_hf.pruning import Pruner, StartingMask, num_dropped
from vpns_hf.pruning.criteria import Scores, ScoringContext, random
from vpns_hf.training import Callback, Run, run_stages
from vpns_hf.training.distributed import process_states

pytestmark = pytest.mark.slow  # models are trained

TASK = Task(SPARSITY, images=4 * STEPS, classes=3)
BEFORE = 0.3


def starting(sparsity: float = BEFORE, **given: object) -> StartingMask:
    """A mask that no criterion would choose."""
    model = dense_model()
    Pruner().apply(model, random(ScoringContext(model, seed=3)), sparsity)
    return StartingMask("a-run", model.masks(), **given)


def ran(method: str, start: StartingMask, sparsity: float = SPARSITY, **changes: object) -> Run:
    stages = METHODS[method].stages(arguments(method, **changes), replace(TASK, sparsity=sparsity, start=start))
    run = new_run()
    check_stages(run.model, stages)
    run_stages(run, stages)
    return run


@pytest.mark.parametrize("method", PRUNING)
def test_every_method_prunes_further_and_nothing_comes_back(method):
    start = starting()
    run = ran(method, start)
    total = sum(mask.numel() for mask in start.masks.values())
    assert sum(int((~mask).sum()) for mask in run.model.masks().values()) == num_dropped(total, SPARSITY)
    assert all((mask <= start.masks[name]).all() for name, mask in run.model.masks().items())


@pytest.mark.parametrize("method", PRUNING)
def test_at_the_sparsity_of_the_mask_it_is_only_tuned(method):
    start = starting(SPARSITY)
    assert same(masks_of(ran(method, start)), start.masks)


def test_rounds_begin_where_the_mask_ends():
    stages = METHODS["imp"].stages(arguments("imp"), replace(TASK, sparsity=0.7, start=starting(0.5)))
    rounds = [sparsity for stage in stages if isinstance(stage, Prune) for sparsity in stage.sparsities]
    assert rounds == pytest.approx([1 - 0.3 ** (4 / 6), 1 - 0.3 ** (5 / 6), 0.7])


def test_a_live_weight_of_the_lowest_score_goes_after_those_that_are_gone():
    model, start = dense_model(), starting()
    start.apply(model)
    zeros = Scores({name: torch.zeros_like(layer.weight) for name, layer in model.masked_layers().items()})
    learned = Pruner().learn(model, zeros, BEFORE)
    learned.update()
    assert same(model.masks(), start.masks)


class Stop(Exception):
    """Stands for the end of a process."""


class StopInSearch(Callback):
    """Keeps the state after the first iteration of the search."""

    def on_step_end(self, run, stage) -> None:
        self.state = copy.deepcopy(run.state_dict()), process_states(run.model, run.progress, run.accelerator)
        raise Stop


@pytest.mark.parametrize("start", [None, starting()], ids=["dense", "masked"])
def test_a_search_goes_on_where_it_was_stopped(start):
    """What is masked halfway may come back, unless it was masked before."""
    stages = METHODS["vpns"].stages(arguments("vpns", finetune_epochs=0), replace(TASK, start=start))
    whole, stopped, run = new_run(), new_run(callbacks=[callback := StopInSearch()]), new_run()
    run_stages(whole, stages)
    with pytest.raises(Stop):
        run_stages(stopped, stages)
    run.load_state_dict(*callback.state)
    run_stages(run, stages)
    assert same(whole.model.state_dict(), run.model.state_dict())


def test_weights_are_those_of_the_other_run_if_they_are_given():
    other = dense_model(seed=5)
    start = starting(weights=other.to_backbone().state_dict())
    run = new_run()
    run_stages(run, [StartFromMask(start)])
    for name, layer in run.model.masked_layers().items():
        assert torch.equal(layer.weight, other.masked_layers()[name].weight)
    assert torch.equal(run.model.visual_prompt.prompt, dense_model().visual_prompt.prompt)
    assert same(masks_of(run), start.masks)


def test_a_sparsity_that_the_mask_has_passed():
    with pytest.raises(InputError, match=r"^sparsity 0.3 removes 1393 of 4644 .* a-run has lost 2786; .* least 0.6$"):
        METHODS["imp"].stages(arguments("imp"), replace(TASK, sparsity=0.3, start=starting(0.6)))


def test_a_layer_that_has_lost_more_than_its_share():
    line = r"^sparsity 0.6 removes 345 weights of .*convolution, which has lost 352 already; raise --sparsities, or"
    with pytest.raises(InputError, match=line):
        ran("omp", starting(SPARSITY), scope="layer")


def test_layers_of_another_network():
    model = VPNsForImageClassification.from_backbone(tiny_vgg(), image_size=16, prompt_size=2)
    line = (
        r"^init_mask is a-run, whose layers are not those of this network: .* is absent there and 8x3x7x7 here; give"
    )
    with pytest.raises(InputError, match=line):
        ran("omp", StartingMask("a-run", model.masks()), 0.6)


def test_what_is_foreseen_counts_the_mask_and_leaves_the_model_as_it_is():
    start, model = starting(), dense_model()
    head = "classifier.1"
    masks = {**start.masks, head: torch.zeros_like(start.masks[head])}
    for weights, empty in (({}, []), (model.to_backbone().state_dict(), [])):
        stages = METHODS["omp"].stages(arguments("omp"), replace(TASK, start=StartingMask("a-run", masks, weights)))
        assert foreseen_empty_layers(model, stages) == empty
    assert model.sparsity == 0


JOB = {"method": "omp", "sparsities": [0.6], "finetune_epochs": 1}


@pytest.fixture(scope="module")
def other(tmp_path_factory) -> Path:
    """The folder of a pruned model."""
    model, folder = dense_model(), tmp_path_factory.mktemp("other")
    starting().apply(model)
    model.save_pretrained(folder)
    return folder


def test_the_plan_and_the_identity_of_a_job(tmp_path, other):
    trainer = tiny_trainer(tmp_path, init_mask=str(other), init_weights="pruned", **JOB)
    line = f"Starts from the mask of {other}, 1,393 of 4,644 weights removed, and from pruned weights"
    assert line in str(trainer.plan())
    assert trainer.start.weights
    assert public_recipe(trainer.recipe, 0.6)["init_mask"] == f"./{other.name}"


def test_the_visual_prompt_is_taken_over_where_it_is_asked_for(tmp_path, other):
    model = VPNsForImageClassification.from_pretrained(other)
    with torch.no_grad():
        model.visual_prompt.prompt.fill_(0.25)
    model.save_pretrained(tmp_path / "prompted")
    trainer = tiny_trainer(tmp_path, init_mask=str(tmp_path / "prompted"), init_prompt=True, **JOB)
    assert "from dense weights, and from its visual prompt\n" in str(trainer.plan())
    run = new_run()
    run_stages(run, [StartFromMask(trainer.start)])
    assert run.model.visual_prompt.prompt.unique().tolist() == [0.25]
    assert "prompt" not in tiny_trainer(tmp_path, init_mask=str(other), **JOB).start.prompt
    with pytest.raises(
        InputError, match=r"^init_prompt is that of \S+, pad, prompt_size 2, 16 pixels, but asked for is [^\n]*$"
    ):
        tiny_trainer(tmp_path, init_mask=str(other), init_prompt=True, **{**JOB, "prompt_size": 3})
    with pytest.raises(InputError, match="but no init_mask says of which model; give --init_mask"):
        tiny_trainer(tmp_path, init_prompt=True, **JOB)


def without_masks(folder: Path) -> Path:
    dense_model().save_pretrained(folder)
    return folder


def stock(folder: Path) -> Path:
    dense_model().to_backbone().save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "nowhere", "there is no folder"),
        (lambda folder: folder, "holds no pruned model"),
        (stock, "holds no pruned model"),
        (without_masks, "which has lost no weight"),
    ],
    ids=["nowhere", "empty", "stock", "dense"],
)
def test_what_is_no_mask_is_one_line_before_anything_is_written(tmp_path, make, words):
    folder = tmp_path / "folder"
    folder.mkdir()
    line = refusal(tiny_trainer, tmp_path, init_mask=str(make(folder)), **JOB)
    assert line.startswith("init_mask is ")
    assert words in line
    assert not (tmp_path / "out").exists()


def test_pruned_weights_of_no_model(tmp_path):
    with pytest.raises(
        InputError, match="init_weights is pruned, but no init_mask says of which model; give --init_mask"
    ):
        tiny_trainer(tmp_path, init_weights="pruned", **JOB)


def test_a_job_prunes_further_beside_a_dense_reference_that_is_not_masked(tmp_path, other):
    """And the same mask in the same folder, changed meanwhile, is another job."""
    trainer = tiny_trainer(tmp_path, init_mask=str(other), dense_reference=True, **JOB)
    trainer.train()
    masks = VPNsForImageClassification.from_pretrained(other).masks()
    assert all((mask <= masks[name]).all() for name, mask in trainer.models[0.6].masks().items())
    assert trainer.base.sparsity == 0
    identity = json.loads((tmp_path / "out/job.json").read_text())["identity"]
    assert "init_mask" in identity
    assert str(other) not in identity.values()
