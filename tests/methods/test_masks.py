"""What every method promises of its mask: the exact count, in either scope, nested, and of nothing but what it should know."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
import torch

from tests.helpers import forget_accelerator, same
from tests.methods.running import (
    HEAD,
    PRUNING,
    SPARSITY,
    arguments,
    counts,
    masks_of,
    new_run,
    ran,
    sizes,
    stages_of,
)
from tests.training_helpers import dense_model
from vpns_hf import InputError
from vpns_hf.label_mapping import FrequencyMapping
from vpns_hf.methods.stages import FindMaskStage, FitLabelMapping, Prune, scoring_context
from vpns_hf.pruning import num_dropped
from vpns_hf.training import Callback, run_stages

pytestmark = pytest.mark.slow  # trains

THROUGH_WHAT_IS_READ = {"synflow", "phew"}  # where nothing leads to the other rows
IN_FLOAT64 = {"grasp", "synflow", "phew"}
BY_LAYER = [method for method in PRUNING if method != "phew"]
SCOPED = [*product(PRUNING, ["global"]), *product(BY_LAYER, ["layer"])]
ONE_SHOT = ["random", "omp", "snip", "grasp"]


def pruned(method: str, sparsity: float, **changes: object):
    """A run after the mask of a method, before tuning."""
    return ran(stages_of(method, sparsity, **changes)[:-1])


@pytest.mark.parametrize(("method", "scope"), SCOPED)
def test_the_count_is_exact_in_each_scope(method, scope):
    run = ran(stages_of(method, 0.37, scope=scope))
    if scope == "layer":
        expected = [size - num_dropped(size, 0.37) for size in sizes(run)]
        assert counts(run) == expected
        assert sum(expected) > sum(sizes(run)) - num_dropped(sum(sizes(run)), 0.37)
    else:
        assert sum(counts(run)) == sum(sizes(run)) - num_dropped(sum(sizes(run)), 0.37)


@pytest.mark.parametrize("method", PRUNING)
def test_the_count_is_exact_with_ties(method):
    run = new_run()
    with torch.no_grad():
        for layer in run.model.masked_layers().values():
            layer.weight.fill_(0.1)
    run_stages(run, stages_of(method, 0.37, score_learning_rate=0.0)[:-1])
    assert sum(counts(run)) == sum(sizes(run)) - num_dropped(sum(sizes(run)), 0.37)


@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("method", ONE_SHOT)
def test_masks_of_a_one_shot_method_are_nested(method, scope):
    # one map for all: that of a masked network may be another at each sparsity, and rows that are read with it
    masks = [
        masks_of(pruned(method, sparsity, scope=scope, fit_mapping_on="dense")) for sparsity in (0.2, 0.5, 0.9, 0.95)
    ]
    for larger, smaller in pairwise(masks):
        assert all((mask <= larger[name]).all() for name, mask in smaller.items())
        assert not same(larger, smaller)


@pytest.mark.parametrize("method", PRUNING)
def test_every_method_repeats_itself_whatever_was_drawn_before(method):
    first, second = new_run(), new_run()
    torch.rand(17)
    for run in (first, second):
        run_stages(run, stages_of(method)[:2])
    assert same(masks_of(first), masks_of(second))


def test_a_random_mask_depends_on_the_seed():
    masks = {seed: masks_of(pruned("random", SPARSITY, seed=seed)) for seed in (7, 8)}
    assert not same(masks[7], masks[8])
    assert same(masks[7], masks_of(pruned("random", SPARSITY, seed=7)))


def test_a_fit_of_the_label_mapping_under_a_mask_leaves_nothing_that_is_scored():
    prune = stages_of("snip")[1]
    run = ran([FitLabelMapping(FrequencyMapping(0), 0.95), prune])
    alone = new_run()
    alone.model.label_mapping.copy_(run.model.label_mapping)
    prune.apply(alone)
    assert sum(counts(alone)) == sum(sizes(alone)) - num_dropped(sum(sizes(alone)), SPARSITY)
    assert same(masks_of(run), masks_of(alone))


@pytest.mark.parametrize("method", PRUNING)
def test_layers_that_are_excluded_stay_dense_and_the_count_is_that_of_all(method):
    run = pruned(method, SPARSITY, exclude=["*embedder*", HEAD])
    stem, *_, head = run.model.masks().values()
    assert stem.all()
    assert head.all()
    assert sum(counts(run)) == sum(sizes(run)) - num_dropped(sum(sizes(run)), SPARSITY)


@pytest.mark.parametrize("method", PRUNING)
def test_a_network_without_a_visual_prompt_is_pruned_as_well(method):
    run = new_run(dense_model(visual_prompt="none"))
    run_stages(run, stages_of(method))
    assert sum(counts(run)) == sum(sizes(run)) - num_dropped(sum(sizes(run)), SPARSITY)


def test_a_scope_of_each_layer_is_refused_for_walks():
    with pytest.raises(
        InputError, match=r"^scope is layer, but phew walks from end to end [^\n]*; give --scope global$"
    ):
        stages_of("phew", scope="layer")


def unread(run) -> torch.Tensor:
    rows = torch.ones(len(run.model.masks()[HEAD]), dtype=torch.bool)
    rows[run.model.label_mapping] = False
    assert rows.sum() == 2
    return run.model.masks()[HEAD][rows]


@pytest.mark.parametrize("method", BY_LAYER)
def test_head_rows_that_nobody_reads_go_first_in_their_layer(method):
    assert not unread(pruned(method, 0.41, scope="layer")).any()


@pytest.mark.parametrize("method", PRUNING)
def test_head_rows_that_nobody_reads_go_first_of_all(method):
    run = pruned(method, 0.003)
    assert sum(sizes(run)) - sum(counts(run)) == 13 == int((~unread(run)).sum())


@pytest.mark.parametrize("changes", [{"paper_protocol": True}, {"label_mapping": "iterative"}])
@pytest.mark.parametrize("method", [method for method in PRUNING if method not in THROUGH_WHAT_IS_READ])
def test_as_published_and_where_the_map_is_fitted_again_they_are_weights_like_others(method, changes):
    assert unread(pruned(method, 0.2, **changes)).any()


class Scores(Callback):
    """Keeps the scores of the head after every update of the mask search, and the types of all."""

    def __init__(self) -> None:
        self.head, self.types = [], set()

    def on_update(self, run, stage, update, loss) -> None:
        if isinstance(stage, FindMaskStage):
            layers = run.model.masked_layers()
            self.head.append(layers[HEAD].scores.detach().clone())
            self.types |= {layer.scores.dtype for layer in layers.values()}


@pytest.mark.parametrize(
    ("method", "changes"), [("vpns", {}), ("hydra", {}), ("hydra", {"hydra_original": True}), ("bip", {})]
)
def test_their_scores_stay_zero_while_a_mask_is_learned(method, changes):
    scores = Scores()
    run = ran(stages_of(method, **changes)[:-1], scores)
    rows = torch.ones(5, dtype=torch.bool)
    rows[run.model.label_mapping] = False
    assert len(scores.head) == 4
    assert all((head[rows] == 0).all() and (head[~rows] != 0).any() for head in scores.head)
    assert not torch.equal(scores.head[0], scores.head[-1])


@pytest.mark.parametrize("method", PRUNING)
def test_bf16_keeps_float32_scores_and_exact_counts(method):
    scores = Scores()
    stages = stages_of(method, 0.37)[:-1]
    run = ran(stages, scores, mixed_precision="bf16")
    assert run.accelerator.mixed_precision == "bf16"
    assert sum(counts(run)) == sum(sizes(run)) - num_dropped(sum(sizes(run)), 0.37)
    for stage in stages:
        if isinstance(stage, Prune):
            context = scoring_context(run, stage.seed, stage.images_per_class)
            dtypes = {layer.dtype for layer in stage.criterion(context).by_layer.values()}
            assert dtypes == {torch.float64 if method in IN_FLOAT64 else torch.float32}
    assert scores.types == ({torch.float32} if method in ("vpns", "hydra", "bip") else set())


@pytest.mark.parametrize("method", ONE_SHOT)
def test_bf16_gives_a_one_shot_method_the_mask_of_float32(method):
    masks, losses = [], []
    for precision in ("no", "bf16"):
        forget_accelerator()
        run = new_run(mixed_precision=precision)
        run.model.label_mapping.copy_(torch.tensor([4, 0, 2]))  # predictions, which the fit counts, may differ
        run_stages(run, stages_of(method)[1:])
        masks.append(masks_of(run))
        losses.append(run.history[0].loss.plain)
    assert same(*masks)
    assert losses[0] != losses[1]


@pytest.mark.parametrize("method", PRUNING)
@pytest.mark.parametrize(
    ("changes", "masked"),
    [
        ({"fit_mapping_on": "dense"}, False),
        ({"fit_mapping_on": "masked"}, True),
        ({"fit_mapping_on": "dense", "paper_protocol": True}, True),
    ],
)
def test_what_the_label_mapping_is_fitted_on(method, changes, masked):
    fit = stages_of(method, **changes)[0]
    assert isinstance(fit, FitLabelMapping)
    assert fit.masked_at == (SPARSITY if masked else None)


def test_the_dense_method_fits_its_map_on_the_dense_network():
    assert stages_of("dense")[0].masked_at is None
    assert stages_of("dense", paper_protocol=True)[0].masked_at is None


@pytest.mark.parametrize("method", PRUNING)
def test_where_it_is_fitted_decides_on_the_map(method):
    dense, masked = (ran(stages_of(method, 0.95, fit_mapping_on=on)[:1]).model for on in ("dense", "masked"))
    assert dense.label_mapping.tolist() != masked.label_mapping.tolist()
    assert dense.sparsity == masked.sparsity == 0
    assert arguments(method).fit_mapping_on == "masked"
