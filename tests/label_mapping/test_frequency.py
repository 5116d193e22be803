from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import SEEDED
from vpns_hf.label_mapping import FrequencyMapping, frequency_map


@st.composite
def tables(draw) -> torch.Tensor:
    """Counts (S, T) with S >= T, small so that ties, empty rows and empty columns are common."""
    targets = draw(st.integers(1, 5))
    sources = draw(st.integers(targets, 8))
    counts = draw(st.lists(st.integers(0, 4), min_size=sources * targets, max_size=sources * targets))
    return torch.tensor(counts).view(sources, targets)


def greedy(table: list[list[int]]) -> list[int]:
    """The definition, word for word: largest entry, lowest source, lowest target; blank row and column; repeat."""
    sources, targets = range(len(table)), range(len(table[0]))
    assigned: dict[int, int] = {}
    while True:
        open_cells = [(s, t) for s in sources for t in targets if s not in assigned.values() and t not in assigned]
        best = max(open_cells, key=lambda cell: (table[cell[0]][cell[1]], -cell[0], -cell[1]), default=None)
        if best is None or table[best[0]][best[1]] == 0:
            break
        assigned[best[1]] = best[0]
    for target in targets:
        if target not in assigned:
            assigned[target] = min(set(sources) - set(assigned.values()))
    return [assigned[target] for target in targets]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([[5, 1, 0, 0], [4, 4, 0, 0], [0, 4, 0, 1], [1, 0, 0, 1], [0, 0, 0, 2], [0, 1, 0, 0]], [0, 1, 2, 4]),
        ([[0, 0, 3], [0, 0, 0], [0, 0, 2], [0, 7, 0], [0, 0, 0]], [1, 3, 0]),
        ([[1, 1, 1]] * 4, [0, 1, 2]),
    ],
)
def test_hand_checked_maps(counts, expected):
    fitted = frequency_map(torch.tensor(counts))
    assert fitted.tolist() == expected
    assert fitted.dtype == torch.int64


@SEEDED
@given(tables())
def test_it_is_the_greedy_assignment(table):
    assert frequency_map(table).tolist() == greedy(table.tolist())


@SEEDED
@given(tables())
def test_it_is_one_to_one(table):
    fitted = frequency_map(table)
    assert fitted.shape == (table.shape[1],)
    assert len(set(fitted.tolist())) == table.shape[1]
    assert 0 <= fitted.min() <= fitted.max() < table.shape[0]


@SEEDED
@given(tables(), st.integers(2, 9))
def test_more_of_the_same_images_change_nothing(table, times):
    assert torch.equal(frequency_map(table), frequency_map(table * times))


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_images_does_not_matter(seed):
    generator = torch.Generator().manual_seed(seed)
    predicted = torch.randint(7, (200,), generator=generator)
    labels = torch.randint(4, (200,), generator=generator)
    order = torch.randperm(200, generator=generator)

    def counts(predicted, labels):
        return torch.bincount(predicted * 4 + labels, minlength=28).view(7, 4)

    assert torch.equal(
        frequency_map(counts(predicted, labels)), frequency_map(counts(predicted[order], labels[order]))
    )


def test_a_class_without_images_gets_the_lowest_source_left():
    assert frequency_map(torch.tensor([[0, 9, 0], [0, 0, 0], [0, 0, 3], [0, 0, 0]])).tolist() == [1, 0, 2]


def test_a_class_whose_favourite_is_taken_gets_its_next():
    assert frequency_map(torch.tensor([[9, 8], [1, 2], [3, 1]])).tolist() == [0, 1]


def test_no_predictions_at_all():
    assert frequency_map(torch.zeros(5, 3, dtype=torch.int64)).tolist() == [0, 1, 2]


def test_large_counts_are_exact():
    big = 2**40
    assert frequency_map(torch.tensor([[big, big + 1], [0, 0]])).tolist() == [1, 0]


def test_more_targets_than_sources_is_refused():
    with pytest.raises(ValueError, match=r"3 target classes .* 2 source classes"):
        frequency_map(torch.ones(2, 3, dtype=torch.int64))


def test_the_table_is_left_alone():
    table = torch.tensor([[3, 1], [2, 4]])
    frequency_map(table)
    assert table.tolist() == [[3, 1], [2, 4]]


def test_fitting_counts_the_predictions_once():
    passes = []

    def count_predictions() -> torch.Tensor:
        passes.append(1)
        return torch.tensor([[0, 5], [5, 0], [0, 0]])

    assert FrequencyMapping(seed=0).fit(count_predictions, 3, 2).tolist() == [1, 0]
    assert len(passes) == 1
