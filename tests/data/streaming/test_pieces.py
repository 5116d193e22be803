from __future__ import annotations

import datasets
import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub.errors import HTTPError

from vpns_hf.data import StreamIndex
from vpns_hf.data.streaming import ROWS_AT_ONCE, ParquetSplit
from vpns_hf.data.streaming import pieces as parquet_split
from vpns_hf.errors import InputError

COUNT = 3 * ROWS_AT_ONCE + 7
FEATURES = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])})


def table_of(rows, size: int = 10) -> pa.Table:
    """Rows whose images are their number, `size` bytes long; the classes alternate."""
    images = pa.array([{"bytes": str(row).encode().rjust(size), "path": None} for row in rows])
    return pa.table({"image": images, "label": pa.array([row % 2 for row in rows])})


def numbers(images) -> list[int]:
    return [int(image["bytes"]) for part in images for image in part]


@pytest.fixture
def write(tmp_path):
    def write(*tables, name="train", **how) -> list[str]:
        paths = [str(tmp_path / f"{name}-{index}.parquet") for index in range(len(tables))]
        for path, table in zip(paths, tables, strict=True):
            pq.write_table(table, path, **how)
        return paths

    return write


@pytest.fixture
def split_of(columns):
    return lambda files: ParquetSplit(files, FEATURES, columns, "train")


@pytest.mark.parametrize("row", [0, 1, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, COUNT - 1, COUNT, COUNT + 9, COUNT + 49])
def test_reading_begins_at_any_row_and_ends_with_the_group(write, split_of, row):
    split = split_of(write(table_of(range(COUNT)), table_of(range(COUNT, COUNT + 50)), row_group_size=COUNT))
    assert len(split) == COUNT + 50
    assert split.starts.tolist() == [0, COUNT, COUNT + 50]
    parts = list(split.open(row))
    assert numbers(parts) == list(range(row, COUNT if row < COUNT else COUNT + 50))
    assert all(1 <= len(part) <= ROWS_AT_ONCE for part in parts)


def test_labels_are_read_without_the_images(write, split_of):
    [path] = write(table_of(range(COUNT), 5000), compression="none", use_dictionary=False)
    images = pq.read_metadata(path).row_group(0).column(0)
    with open(path, "r+b") as file:
        file.seek(images.data_page_offset)
        file.write(b"\xff" * images.total_compressed_size)
    split = split_of([path])
    assert split.labels.to_pylist() == [row % 2 for row in range(COUNT)]
    with pytest.raises(InputError, match=r"^the train split cannot be read further: "):
        list(split.open(0))


def test_of_a_large_group_only_what_is_read_is_in_memory(write, split_of):
    generator = np.random.default_rng(0)
    images = pa.array([{"bytes": generator.bytes(20_000), "path": None} for _ in range(2000)])  # 40 MB
    [path] = write(pa.table({"image": images, "label": pa.array([0] * 2000)}), write_batch_size=50)
    assert pq.read_metadata(path).num_row_groups == 1
    split, pool, usual = split_of([path]), pa.proxy_memory_pool(pa.default_memory_pool()), pa.default_memory_pool()
    pa.set_memory_pool(pool)
    try:
        assert sum(map(len, split.open(1000))) == 1000
        assert 0 < pool.max_memory() < 8_000_000
    finally:
        pa.set_memory_pool(usual)


def test_files_that_are_not_local(split_of):
    address = "memory://vpns_hf/train.parquet"
    with fsspec.open(address, "wb") as file:
        pq.write_table(table_of(range(COUNT)), file)
    assert numbers(split_of([address]).open(70)) == list(range(70, COUNT))
    fsspec.filesystem("memory").rm("/vpns_hf/train.parquet")
    with pytest.raises(InputError, match=r"^the train split cannot be read further: "):
        split_of([address])


@pytest.mark.parametrize(
    "error", [HTTPError("no answer"), ConnectionError("no answer"), FileNotFoundError("no answer")]
)
def test_a_connection_that_is_lost(split_of, monkeypatch, error):
    def lost(*args):
        raise error

    monkeypatch.setattr(parquet_split, "xopen", lost)
    with pytest.raises(
        InputError, match=r"^the train split cannot be read further: hf://.*train\.parquet: no answer$"
    ):
        split_of(["hf://datasets/vpns/pets/train.parquet"])


def test_groups_without_rows_are_no_pieces(tmp_path, split_of):
    path = str(tmp_path / "train.parquet")
    with pq.ParquetWriter(path, table_of([0]).schema) as writer:
        for rows in ((0, 1), (), (2,)):
            writer.write_table(table_of(rows) if rows else table_of([0]).slice(0, 0))
    split = split_of([path])
    assert split.starts.tolist() == [0, 2, 3]
    assert [numbers(split.open(row)) for row in range(3)] == [[0, 1], [1], [2]]


def test_labels_are_stored_in_several_ways(write, split_of):
    whole = table_of(range(4))
    names, small = pa.array(["cat", "dog", None, "dog"]), pa.array([1, 0, 7, -1], pa.int8())
    files = write(
        whole.drop_columns("label"), whole.set_column(1, "label", names), whole.set_column(1, "label", small)
    )
    assert split_of(files).labels.to_pylist() == [None] * 4 + [0, 1, None, 1] + [1, 0, 7, -1]


def test_every_file_has_images(write, split_of):
    files = write(table_of(range(4)), table_of(range(4)).rename_columns(["picture", "label"]))
    with pytest.raises(InputError, match=r"train-1\.parquet has no column 'image'; give all files the same"):
        split_of(files)


@pytest.mark.parametrize("again", [1, 4])
def test_files_that_rows_name_are_known_and_read_once(write, columns, again):
    files = {}
    for split, rows in (("train", [0, 1, 2]), ("test", [3, again])):
        images = pa.array([{"bytes": None, "path": f"{row}.png"} for row in rows], type=FEATURES["image"].pa_type)
        table = pa.table({"image": images, "label": pa.array([0] * len(rows))})
        files[split] = write(table.cast(FEATURES.arrow_schema), name=split)
    assert ParquetSplit(files["test"], FEATURES, columns, "test").paths == ["3.png", f"{again}.png"]
    one_row = datasets.Dataset(
        table.cast(FEATURES.arrow_schema).slice(0, 1), info=datasets.DatasetInfo(features=FEATURES)
    )
    streams = dict.fromkeys(files, one_row.to_iterable_dataset())
    if again == 1:
        with pytest.raises(
            InputError, match=r"^1\.png is read in the train split and in the test split: leave one row"
        ):
            StreamIndex(streams, columns, files)
    else:
        assert len(StreamIndex(streams, columns, files).rows["test"]) == 2


def test_paths_beside_bytes_name_no_files(write, split_of):
    assert split_of(write(table_of(range(3)))).paths == []
