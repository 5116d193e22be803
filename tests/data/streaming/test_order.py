from __future__ import annotations

import pytest
import torch

from vpns_hf.data.streaming import LANES, stream_order

PIECES = torch.arange(5).repeat_interleave(torch.tensor([100, 37, 300, 1, 160]))  # 598 rows
COUNT = len(PIECES)


def order(buffer=40, processes=1, seed=0, pieces=PIECES) -> torch.Tensor:
    return stream_order(pieces, buffer, processes, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 598])
@pytest.mark.parametrize("buffer", [1, 40, 10**6])
def test_every_row_once(count, buffer):
    assert sorted(order(buffer, pieces=PIECES[:count]).tolist()) == list(range(count))


def test_the_processes_do_not_matter_and_the_seed_does():
    assert all(torch.equal(order(), order(processes=processes)) for processes in (2, 4, 8))
    assert not torch.equal(order(), order(seed=1))
    assert sorted(order(processes=3).tolist()) == list(range(COUNT))


@pytest.mark.parametrize("buffer", [8, 40, 160])
def test_a_row_strays_no_further_than_its_share_of_the_buffer(buffer):
    strayed = 0
    for lane in range(LANES):
        rows = order(buffer)[lane::LANES][: COUNT // LANES]
        read = order(1)[lane::LANES][: COUNT // LANES]  # the order in which the lane is read
        place = {row: index for index, row in enumerate(read.tolist())}
        distance = [abs(place.get(row, index) - index) for index, row in enumerate(rows.tolist())]
        assert max(distance) <= buffer / LANES + 1
        strayed += sum(map(bool, distance))
    assert strayed > 0 or buffer == 8


def test_a_lane_reads_each_piece_in_one_stretch_and_in_random_order():
    lane = PIECES[order(1)[0::LANES][: COUNT // LANES]]
    assert len(lane.unique_consecutive()) == len(lane.unique())
    assert len({tuple(PIECES[order(1, seed=seed)[0::LANES]].unique_consecutive().tolist()) for seed in range(9)}) > 3


def test_a_large_buffer_mixes_all_of_a_lane():
    rows = order(10**6)[0::LANES][: COUNT // LANES]
    place = {row: index for index, row in enumerate(order(1)[0::LANES].tolist())}
    places = torch.tensor([place[row] for row in rows.tolist() if row in place], dtype=torch.float64)
    first, second = places.chunk(2)
    assert abs(first.mean() - second.mean()) < 15  # of 74 places; in order the halves are 37 apart
