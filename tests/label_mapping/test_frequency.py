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


BIG = 2**40
BY_HAND = {
    "six sources": (
        [[5, 1, 0, 0], [4, 4, 0, 0], [0, 4, 0, 1], [1, 0, 0, 1], [0, 0, 0, 2], [0, 1, 0, 0]],
        [0, 1, 2, 4],
    ),
    "a source between is left over": ([[0, 0, 3], [0, 0, 0], [0, 0, 2], [0, 7, 0], [0, 0, 0]], [1, 3, 0]),
    "all alike": ([[1, 1, 1]] * 4, [0, 1, 2]),
    "a class without images gets the lowest source left": ([[0, 9, 0], [0, 0, 0], [0, 0, 3], [0, 0, 0]], [1, 0, 2]),
    "a class whose favourite is taken gets its next": ([[9, 8], [1, 2], [3, 1]], [0, 1]),
    "no predictions at all": ([[0, 0, 0]] * 5, [0, 1, 2]),
    "large counts": ([[BIG, BIG + 1], [0, 0]], [1, 0]),
}


@pytest.mark.parametrize(("counts", "expected"), BY_HAND.values(), ids=BY_HAND)
def test_hand_checked_maps(counts, expected):
    fitted = frequency_map(torch.tensor(counts))
    assert fitted.tolist() == expected
    assert fitted.dtype == torch.int64


@SEEDED
@given(tables())
def test_it_is_the_greedy_assignment(table):
    assert frequency_map(table).tolist() == greedy(table.tolist())


@SEEDED
@given(tables(), st.integers(2, 9))
def test_more_of_the_same_images_change_nothing(table, times):
    assert torch.equal(frequency_map(table), frequency_map(table * times))


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
