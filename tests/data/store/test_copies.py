from __future__ import annotations

import datasets
import pytest

from vpns_hf.data import ImageStore
from vpns_hf.data.store import count_copies


@pytest.mark.parametrize("caching", ["yes", "no"])
def test_copies_in_two_splits_are_counted(tmp_path, columns, make_split, caplog, caching):
    train, other = make_split([0, 1, 2, 0]), make_split([1, 1], seed=5)
    copied = datasets.concatenate_datasets([other.select([0]), train.select([3, 1])]).flatten_indices()
    store = ImageStore(columns, tmp_path, caching)
    for _ in range(2):  # decoded, and opened again
        sources = {name: store.open(rows, [6], name)[0] for name, rows in (("train", train), ("test", copied))}
        assert count_copies(sources) == {"test": {"train": 2}}
        [said] = [record.message for record in caplog.records]
        assert said.startswith("2 of 3 test images are train images too, byte for byte: row ")
        assert any(pair in said for pair in ("1 of the test split is row 3 of", "2 of the test split is row 1 of"))
        caplog.clear()


def test_nothing_is_said_of_splits_apart(tmp_path, columns, make_split, caplog):
    store = ImageStore(columns, tmp_path)
    rows = {"train": make_split([0, 1]), "test": make_split([0, 1], seed=3), "validation": make_split([2], seed=4)}
    assert count_copies({name: store.open(split, [6], name)[0] for name, split in rows.items()}) == {}
    assert not caplog.records
