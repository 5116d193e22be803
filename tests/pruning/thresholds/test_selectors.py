from __future__ import annotations

import itertools
import math
import pickle
from decimal import Decimal
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from tests.pruning.ranking import global_masks
from vpns_hf.errors import InputError
from vpns_hf.pruning import num_dropped
from vpns_hf.pruning.thresholds import (
    DeviceSelector,
    HostSelector,
    MaskedWeights,
    make_selector,
    write_masked_weights,
    write_masks,
)
from vpns_hf.pruning.thresholds import host as host_selection

SHAPES = [(5, 3, 3, 3), (1,), (40, 7), (2, 0), (301,), (1, 1, 1, 1)]


class SmallSampleSelector(HostSelector):
    """Brackets already at a few hundred scores."""

    SAMPLE = 64


class MissingSelector(HostSelector):
    """Its bracket lies beyond every score or, at odd counts, below most of them."""

    def bracket(self, arrays, total):
        return (1e30, math.inf) if self.dropped % 2 else (0.0, 1e-30)


SELECTORS = [HostSelector, SmallSampleSelector, MissingSelector, DeviceSelector]


@pytest.fixture(params=SELECTORS, ids=lambda selector: selector.__name__)
def selector_class(request, monkeypatch):
    monkeypatch.setattr(host_selection, "CHUNK", 50)
    return request.param


def sorted_masks(scores: list[Tensor], dropped: int) -> list[Tensor]:
    """The definition: a stable sort of |S| over all layers, its first entries dropped."""
    magnitudes = torch.cat([score.flatten() for score in scores]).abs()
    kept = torch.ones(magnitudes.numel(), dtype=torch.bool)
    kept[torch.sort(magnitudes, stable=True).indices[:dropped]] = False
    parts = kept.split([score.numel() for score in scores])
    return [part.view(score.shape) for part, score in zip(parts, scores, strict=True)]


def garbage_masks(scores: list[Tensor]) -> list[Tensor]:
    return [torch.randint(0, 2, score.shape).bool() for score in scores]


def selected_masks(selector, scores: list[Tensor]) -> list[Tensor]:
    masks = garbage_masks(scores)
    write_masks(scores, selector.select(scores), masks)
    return masks


def assert_same(actual: list[Tensor], expected: list[Tensor]) -> None:
    assert all(torch.equal(a, b) for a, b in zip(actual, expected, strict=True))


def random_scores(kind: str, generator: torch.Generator) -> list[Tensor]:
    normal = [torch.randn(shape, generator=generator) for shape in SHAPES]
    transforms = {
        "normal": lambda x: x,
        "tied": lambda x: (2 * x).round() / 2,
        "two values": lambda x: x.sign(),
        "constant": lambda x: torch.full_like(x, -0.3),
        "zero": lambda x: x * 0,  # both signs of zero
        "half zero": lambda x: x.clamp(min=0),
        "denormal": lambda x: (3 * x).round() * 1e-45,
        "wide": lambda x: torch.exp(30 * x),
        "infinite": lambda x: torch.where(x > 1, math.inf, x),
    }
    return [transforms[kind](layer) for layer in normal]


KINDS = ["normal", "tied", "two values", "constant", "zero", "half zero", "denormal", "wide", "infinite"]


@pytest.mark.parametrize("kind", KINDS)
def test_masks_equal_a_stable_sort(selector_class, kind):
    scores = random_scores(kind, torch.Generator().manual_seed(7))
    total = sum(score.numel() for score in scores)
    for dropped in [0, 1, 2, total // 10, total // 3, total // 2, total - total // 7, total - 1, total]:
        assert_same(selected_masks(selector_class(dropped), scores), sorted_masks(scores, dropped))


def test_the_result_does_not_depend_on_earlier_selections(selector_class):
    generator = torch.Generator().manual_seed(9)
    total = sum(math.prod(shape) for shape in SHAPES)
    selector = selector_class(math.floor(0.7 * total))
    scores = random_scores("normal", generator)
    for step in range(60):
        if step % 3 == 2:
            scores = random_scores(KINDS[int(torch.randint(len(KINDS), (), generator=generator))], generator)
        for score in scores:
            score.add_(torch.randn(score.shape, generator=generator), alpha=10.0 ** (-(step % 5)))
        assert_same(selected_masks(selector, scores), sorted_masks(scores, selector.dropped))


def test_a_bracket_decides_nothing_about_the_result(monkeypatch):
    scores = [torch.tensor([5.0, -1.0, 3.0, 8.0]), torch.tensor([2.0, -7.0, 6.0, 4.0])]
    for low, high in itertools.combinations_with_replacement(range(10), 2):
        monkeypatch.setattr(HostSelector, "bracket", lambda *_, bracket=(low, high): bracket)
        threshold = HostSelector(4).select(scores)
        assert (float(threshold), threshold.first_kept) == (4.0, 8)


def test_a_selector_follows_layers_that_change_shape(selector_class):
    generator = torch.Generator().manual_seed(3)
    selector = selector_class(100)
    for sizes in [(400, 30), (30, 400), (215, 215), (2000,), (101,)]:
        scores = [torch.randn(size, generator=generator) for size in sizes]
        assert_same(selected_masks(selector, scores), sorted_masks(scores, 100))


def test_many_scores_are_bracketed_by_the_default_sample():
    scores = [torch.randn(300, 900, generator=torch.Generator().manual_seed(1)), torch.randn(60_000)]
    selector = HostSelector(231_000)
    low, high = selector.bracket([score.flatten().numpy() for score in scores], 330_000)
    assert 0 < low < float(selector.select(scores)) < high < 2 * low
    assert_same(selected_masks(selector, scores), sorted_masks(scores, 231_000))


def test_the_value_is_the_largest_dropped_magnitude(selector_class):
    threshold = selector_class(2).select([torch.tensor([0.5, -3.0]), torch.tensor([[-1.0, 2.0]])])
    assert threshold.value.dtype == torch.float32
    assert threshold.value.shape == ()
    assert float(threshold) == 1.0
    assert int(threshold.first_kept) == 4


def test_the_earlier_of_equal_scores_is_dropped(selector_class):
    scores = [torch.tensor([1.0, -2.0]), torch.tensor([2.0, 2.0, 5.0])]
    threshold = selector_class(3).select(scores)
    assert (float(threshold), int(threshold.first_kept)) == (2.0, 3)
    assert_same(selected_masks(selector_class(3), scores), [torch.zeros(2).bool(), torch.tensor([False, True, True])])


def test_dropping_nothing_keeps_zeros(selector_class):
    threshold = selector_class(0).select([torch.zeros(3)])
    assert (float(threshold), int(threshold.first_kept)) == (0.0, 0)


@pytest.mark.parametrize("dropped", [-1, 4])
def test_dropping_more_than_there_is_is_an_error(selector_class, dropped):
    with pytest.raises(InputError, match=f"cannot drop {dropped} of 3 scores"):
        selector_class(dropped).select([torch.ones(3)])


@pytest.mark.parametrize("dropped", [0, 1, 300, 459])
@pytest.mark.parametrize("position", [0, 150, 458])
def test_nan_raises_in_main_memory_and_when_a_device_value_is_read(selector_class, position, dropped):
    scores = [torch.randn(459)]
    scores[0][position] = math.nan
    with pytest.raises(InputError, match="NaN"):
        float(selector_class(dropped).select(scores))


def test_nan_empties_the_masks_of_a_device():
    scores = [torch.tensor([1.0, math.nan, 2.0])]
    assert not selected_masks(DeviceSelector(1), scores)[0].any()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_dtypes_are_ranked_without_loss(selector_class, dtype):
    scores = [(1 + torch.randn(200, generator=torch.Generator().manual_seed(2)).double() * 1e-9).to(dtype)]
    assert_same(selected_masks(selector_class(77), scores), sorted_masks(scores, 77))


def test_mixed_dtypes_are_ranked_together(selector_class):
    scores = [torch.tensor([1.0, 2.0]).bfloat16(), torch.tensor([1.0 + 1e-12, 0.5]).double()]
    expected = [torch.tensor([False, True]), torch.tensor([True, False])]
    assert_same(selected_masks(selector_class(2), scores), expected)


def test_memory_order_does_not_matter(selector_class):
    scores = [(3 * torch.randn(6, 5, 3, 3)).round().to(memory_format=torch.channels_last), torch.randn(8, 4).t()]
    masks = [torch.zeros_like(score, dtype=torch.bool) for score in scores]
    assert not any(mask.is_contiguous() for mask in masks)
    write_masks(scores, selector_class(120).select(scores), masks)
    assert_same(masks, sorted_masks(scores, 120))


def test_scores_that_require_gradients_can_be_ranked(selector_class):
    scores = [torch.randn(30, requires_grad=True)]
    assert_same(selected_masks(selector_class(11), scores), sorted_masks(scores, 11))


def test_masks_are_written_in_place_and_scores_left_alone(selector_class):
    scores = [torch.randn(30), torch.randn(4)]
    before, masks = [score.clone() for score in scores], garbage_masks(scores)
    addresses = [mask.data_ptr() for mask in masks]
    write_masks(scores, selector_class(9).select(scores), masks)
    assert_same(scores, before)
    assert [mask.data_ptr() for mask in masks] == addresses


def test_a_device_selection_never_reads_a_value():
    scores = [torch.empty(50, 3, device="meta"), torch.empty(7, device="meta")]
    masks = [torch.empty(score.shape, dtype=torch.bool, device="meta") for score in scores]
    write_masks(scores, make_selector(100, "meta").select(scores), masks)


def test_the_device_chooses_the_selector():
    assert isinstance(make_selector(1, "cpu"), HostSelector)
    assert isinstance(make_selector(1, torch.device("cuda", 1)), DeviceSelector)


def test_a_used_selector_can_be_pickled(selector_class):
    scores = [torch.randn(459)]
    selector = selector_class(200)
    selector.select(scores)
    assert_same(selected_masks(pickle.loads(pickle.dumps(selector)), scores), sorted_masks(scores, 200))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_masked_weights_are_positive_zero_where_dropped(dtype):
    weight = torch.tensor([[-1.5, 2.0], [math.inf, -math.nan], [0.0, 3.0]], dtype=dtype, requires_grad=True)
    mask = torch.tensor([[False, True], [False, False], [True, True]])
    out = torch.full((3, 2), 9.0, dtype=dtype)
    write_masked_weights([weight], [mask], [out])
    assert out.tolist() == [[0.0, 2.0], [0.0, 0.0], [0.0, 3.0]]
    assert not out.signbit().any()


def test_masked_weights_follow_the_memory_order_of_their_output():
    weight, mask = torch.randn(4, 3, 3, 3), torch.rand(4, 3, 3, 3) < 0.5
    out = torch.empty(4, 3, 3, 3).to(memory_format=torch.channels_last)
    write_masked_weights([weight], [mask], [out])
    assert torch.equal(out, torch.where(mask, weight, 0))


def test_masked_weights_refuse_integers():
    with pytest.raises(ValueError, match=r"torch\.int32"):
        write_masked_weights([torch.ones(2).int()], [torch.ones(2).bool()], [torch.ones(2).int()])


@pytest.mark.parametrize(
    ("total", "sparsity", "dropped"),
    [
        (10, 0.7, 7),
        (10, 1 - 0.9, 1),
        (10, "0.3", 3),
        (10, Decimal("0.29"), 2),
        (3, Fraction(1, 3), 1),
        (100, 0.29, 29),
        (1000, 1 - 0.42, 580),
        (11_678_912, 0.7, 8_175_238),
        (10_712, 0.7, 7_498),
        (1, 0.999, 0),
        (10**9, 1e-9, 1),
        (5, 0, 0),
        (0, 0.5, 0),
    ],
)
def test_the_number_dropped_is_an_exact_floor(total, sparsity, dropped):
    assert num_dropped(total, sparsity) == dropped


@pytest.mark.parametrize("sparsity", [1, 1.0, -0.1, 70, math.nan, math.inf, "most", "1/0", None])
def test_a_sparsity_outside_the_range_is_an_error(sparsity):
    with pytest.raises(InputError, match=r"is not a number in \[0, 1\)"):
        num_dropped(10, sparsity)


@pytest.mark.parametrize("selector", [HostSelector, DeviceSelector])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_masks_and_masked_weights_follow_the_scores(selector, dtype):
    torch.manual_seed(0)
    weights = [torch.randn(5, 3, 3, 3).to(dtype), torch.randn(40, 17).to(dtype), torch.randn(7, 1).to(dtype)]
    masks = [torch.ones(weight.shape, dtype=torch.bool) for weight in weights]
    masked = [weight.clone() for weight in weights]
    scores = [torch.randn(weight.shape) for weight in weights]
    chosen = selector(num_dropped(sum(score.numel() for score in scores), 0.6))
    for step in (1.0, 1e-3, 0.0, 1e-1, 5.0):
        scores = [(score + step * torch.randn(score.shape)).round(decimals=1) for score in scores]  # with ties
        chosen.select(scores).update(scores, MaskedWeights(weights, masks, masked))
        for weight, mask, result, expected in zip(weights, masks, masked, global_masks(scores, 0.6), strict=True):
            assert torch.equal(mask, expected)
            assert torch.equal(result, weight.masked_fill(~mask, 0))
