from __future__ import annotations

from collections import Counter
from itertools import chain

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from tests.data.broken import deep, with_broken, with_rows
from vpns_hf.data import (
    EvalBatches,
    EvalTransform,
    ImageStore,
    Process,
    StreamIndex,
    StreamStore,
    TrainBatches,
    TrainTransform,
    load_image_dataset,
    prepare_splits,
    stream_image_dataset,
)
from vpns_hf.data.provenance import Origin
from vpns_hf.data.sources import parquet_files
from vpns_hf.data.streaming import ParquetSplit
from vpns_hf.errors import InputError

LENGTHS = (50, 7, 60, 33)  # of the files
COUNT = sum(LENGTHS)


@pytest.fixture
def split(make_split) -> datasets.Dataset:
    return make_split([row % 3 for row in range(COUNT)], size=(10, 9))


@pytest.fixture
def folder(tmp_path, split):
    """The rows as parquet files in groups of ten rows, 5 of them to test on."""
    start = 0
    for index, length in enumerate(LENGTHS):
        rows = split.select(range(start, start + length))
        rows.to_parquet(tmp_path / "data" / f"train-{index}.parquet", batch_size=10)
        start += length
    split.select(range(5)).to_parquet(tmp_path / "data" / "test-0.parquet")
    return tmp_path / "data"


@pytest.fixture
def index(folder, columns) -> StreamIndex:
    return stream_index(folder, columns)


def stream_index(folder, columns) -> StreamIndex:
    streams = stream_image_dataset(str(folder))
    return StreamIndex(streams, columns, parquet_files(str(folder), streams))


def opened(index, columns, rows=None, sizes=(9,), on_bad_image="error", buffer=16):
    rows = index.rows["train"] if rows is None else rows
    store = StreamStore(index, columns, on_bad_image, buffer)
    return store.open(rows, sizes, "train", Origin.whole({"train": len(rows)}))


def train_batches(source, batch_size=16, **process) -> TrainBatches:
    return TrainBatches(
        source, TrainTransform(8), batch_size=batch_size, seed=7, stream="plain", process=Process(**process)
    )


def test_parquet_files_are_read_by_groups_of_rows(index):
    groups = [10] * 5 + [7] + [10] * 6 + [10, 10, 10, 3]
    assert index.splits["train"].starts.tolist() == [sum(groups[:piece]) for piece in range(17)]


@pytest.mark.parametrize("kind", ["parquet", "images", "disk", "generated"])
def test_only_parquet_files_are_read_directly(folder, split, tmp_path, kind):
    name = "digits" if kind == "generated" else str({"parquet": folder}.get(kind, tmp_path / kind))
    split.save_to_disk(tmp_path / "disk")
    for row in range(2):
        (tmp_path / "images" / "train" / str(row)).mkdir(parents=True)
        split["image"][row].save(tmp_path / "images" / "train" / str(row) / "image.png")
    files = parquet_files(name, stream_image_dataset(name))
    expected = {
        "train": [str(folder / f"train-{k}.parquet") for k in range(4)],
        "test": [str(folder / "test-0.parquet")],
    }
    assert files == (expected if kind == "parquet" else {})


def test_rows_are_chosen_as_of_any_data_set(index, columns, split):
    ours = prepare_splits(index.rows, columns, seed=3, max_train_samples=120)
    theirs = datasets.DatasetDict({"train": split, "test": split.select(range(5))})
    theirs = prepare_splits(theirs, columns, seed=3, max_train_samples=120)
    for part in ("train", "validation", "test"):
        assert list(getattr(ours, part)["label"]) == list(getattr(theirs, part)["label"])
        assert list(ours.origins[part].rows) == list(theirs.origins[part].rows)


@pytest.mark.parametrize("kind", ["parquet", "parquet stream", "images", "disk", "generator"])
def test_the_same_bytes_as_of_a_cache(folder, columns, split, tmp_path, kind):
    if kind == "images":
        for row, image in enumerate(split["image"]):
            place = tmp_path / "images" / "train" / f"{split['label'][row]}"
            place.mkdir(parents=True, exist_ok=True)
            image.save(place / f"{row:03}.png")
    split.save_to_disk(tmp_path / "disk")
    generated = datasets.IterableDataset.from_generator(lambda: iter(split), features=split.features)
    stream = (
        generated
        if kind == "generator"
        else stream_image_dataset(str({"images": tmp_path / kind, "disk": tmp_path / kind}.get(kind, folder)))["train"]
    )
    files = {"train": [str(folder / f"train-{k}.parquet") for k in range(4)]} if kind == "parquet" else None
    rows = sorted(range(COUNT), key=lambda row: row % 3) if kind == "images" else list(range(COUNT))
    large, small = opened(StreamIndex({"train": stream}, columns, files), columns, sizes=(9, 4))
    caches = ImageStore(columns, tmp_path / "cache").open(split.select(rows), [9, 4])
    wanted = torch.tensor([149, 0, 0, 77, 3])
    for ours, theirs in zip((large, small), caches, strict=True):
        assert torch.equal(ours.labels, theirs.labels)
        assert torch.equal(ours.read(wanted), theirs.read(wanted))


def test_plain_bytes_give_the_same_as_images(columns, split, tmp_path):
    content = split.data.column("image").combine_chunks().field("bytes")
    pq.write_table(pa.table({"image": content, "label": split.data.column("label")}), tmp_path / "train.parquet")
    [ours] = opened(stream_index(tmp_path, columns), columns)
    [theirs] = ImageStore(columns, tmp_path / "cache").open(split, [9])
    wanted = torch.tensor([149, 0, 77])
    assert torch.equal(ours.read(wanted), theirs.read(wanted))


def test_rows_of_several_streams(index, columns, split):
    both = datasets.concatenate_datasets([index.rows["train"].select([140, 149]), index.rows["test"].select([1, 4])])
    [source] = opened(index, columns, both)
    expected = ImageStore(columns, None, "no").open(split.select([140, 149, 1, 4]), [9])[0].read(torch.arange(4))
    assert torch.equal(source.read(torch.arange(4)), expected)
    assert sorted(source.order(torch.Generator(), 1).tolist()) == [0, 1, 2, 3]


@pytest.mark.parametrize("count", [2, 4, 8])
def test_global_batches_do_not_depend_on_the_processes(index, columns, count):
    [source] = opened(index, columns)

    def images(**process) -> list[list[tuple]]:
        batches = train_batches(source, 32, **process).epoch(2)
        return [
            [(x.numpy().tobytes(), int(y)) for x, y in zip(b.pixel_values, b.labels, strict=True)] for b in batches
        ]

    alone, shares = images(), [images(index=i, count=count) for i in range(count)]
    assert [sorted(batch) for batch in alone] == [sorted(chain(*parts)) for parts in zip(*shares, strict=True)]
    assert all(len(share) == len(alone) == 5 for share in shares)


def test_each_process_reads_its_share(index, columns, monkeypatch):
    read, original = Counter(), ParquetSplit.open

    def counted(split, row):
        for images in original(split, row):
            read[process] += len(images)
            yield images

    monkeypatch.setattr(ParquetSplit, "open", counted)
    [source] = opened(index, columns)
    for process in range(4):
        list(train_batches(source, 32, index=process, count=4).epoch(1))
    # A quarter each; where lanes begin or end within a group, two read it, and the last batch is topped up.
    assert max(read.values()) < 0.6 * COUNT


def test_epochs_are_shuffled_and_repeat(index, columns):
    batches = train_batches(*opened(index, columns))
    first, again, second = ([b.labels.tolist() for b in batches.epoch(epoch)] for epoch in (1, 1, 2))
    assert first == again != second
    rows = opened(index, columns)[0].order(torch.Generator().manual_seed(0), 1)
    assert rows.tolist() != sorted(rows.tolist())


@pytest.mark.parametrize("start", [0, 1, 7, 9, 10])
def test_an_epoch_goes_on_in_its_middle(index, columns, start):
    batches = train_batches(*opened(index, columns))
    whole, rest = list(batches.epoch(3)), list(batches.epoch(3, start=start))
    assert len(batches) == len(whole) == 10
    assert len(rest) == 10 - start
    for ours, theirs in zip(rest, whole[start:], strict=True):
        assert torch.equal(ours.pixel_values, theirs.pixel_values)
        assert torch.equal(ours.labels, theirs.labels)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_evaluation_counts_every_row_once(index, columns, count):
    [source] = opened(index, columns)
    seen = Counter()
    for process in range(count):
        batches = EvalBatches(source, EvalTransform(9), batch_size=16, process=Process(process, count))
        for batch in batches:
            seen.update(image.numpy().tobytes() for image in batch.pixel_values[batch.valid])
    assert len(seen) == COUNT
    assert set(seen.values()) == {1}


def test_a_bad_image_stops_at_its_batch_and_names_its_row(tmp_path, columns, split):
    with_broken(split, [60, 99]).to_parquet(tmp_path / "train.parquet")
    index = stream_index(tmp_path, columns)
    batches = EvalBatches(*opened(index, columns, index.rows["train"]), EvalTransform(9), batch_size=25)
    shown = []
    with pytest.raises(InputError, match=r"^row 60 of the train split is no readable image .*truncated") as caught:
        for batch in batches:
            shown.append(len(batch.labels))
    assert "on_bad_image skip, resume_from_checkpoint none" in str(caught.value)  # the job has begun
    assert shown == [25, 25]


def test_bad_images_are_left_out(tmp_path, columns, split, caplog):
    with_broken(split, [60, 99]).to_parquet(tmp_path / "train.parquet")
    index = stream_index(tmp_path, columns)
    [source] = opened(index, columns, on_bad_image="skip")
    assert (len(source), source.skipped) == (COUNT - 2, 2)
    assert "2 of 150 images are left out: row 60 of the train split" in caplog.text
    kept = [row for row in range(COUNT) if row not in (60, 99)]
    expected = ImageStore(columns, tmp_path / "cache").open(split.select(kept), [9])[0]
    assert torch.equal(source.labels, expected.labels)
    assert torch.equal(source.read(torch.arange(148)), expected.read(torch.arange(148)))


def test_two_streams_of_the_same_rows_are_refused(columns, split):
    half = split.select(range(30))
    for other in (split, split.select(range(COUNT))):
        with pytest.raises(
            InputError, match=r"^the train and the test split are the same rows; give other rows to test on$"
        ):
            StreamIndex(
                {"train": split.to_iterable_dataset(), "test": other.to_iterable_dataset(num_shards=3)}, columns
            )
    StreamIndex({"train": split.to_iterable_dataset(), "test": half.to_iterable_dataset()}, columns)


def test_images_that_are_misread_stop_are_left_out_or_kept(tmp_path, columns, split, caplog):
    with_rows(split, {60: deep((10, 9))}).to_parquet(tmp_path / "train.parquet")
    index = stream_index(tmp_path, columns)
    with pytest.raises(InputError, match=r"^row 60 of the train split is read otherwise by image processors"):
        opened(index, columns)[0].read(torch.tensor([59, 60]))
    assert [len(opened(index, columns, on_bad_image=choice)[0]) for choice in ("skip", "keep")] == [COUNT - 1, COUNT]
    [source] = opened(index, columns, on_bad_image="keep")
    [expected] = ImageStore(columns, tmp_path / "cache", on_bad_image="keep").open(
        load_image_dataset(str(tmp_path))["train"], [9]
    )
    assert (source.skipped, source.misread) == (0, 1)
    assert torch.equal(source.read(torch.arange(COUNT)), expected.read(torch.arange(COUNT)))
    assert "1 of 150 images are kept though a saved model sees other pixels: row 60 of the train split" in caplog.text


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ([1, 3], "no image of class 'dog' of the train split can be read; repair some"),
        (range(4), "no image of the train"),
    ],
)
def test_a_class_must_keep_an_image(tmp_path, columns, make_split, bad, words):
    with_broken(make_split([0, 1, 2, 1]), list(bad)).to_parquet(tmp_path / "train.parquet")
    index = stream_index(tmp_path, columns)
    with pytest.raises(InputError, match=words):
        opened(index, columns, on_bad_image="skip")


def test_a_stream_that_breaks_off(folder, index, columns):
    [source] = opened(index, columns)
    (folder / "train-2.parquet").unlink()
    with pytest.raises(InputError, match=r"^the train split cannot be read further: .*train-2\.parquet"):
        list(train_batches(source).epoch(1))


def test_labels_that_are_missing(tmp_path, columns, make_split):
    make_split([0, 1, -1, 2]).to_parquet(tmp_path / "train.parquet")
    make_split([0, 1]).to_parquet(tmp_path / "test.parquet")
    index = stream_index(tmp_path, columns)
    with pytest.raises(InputError, match="row 2 of the train split has no label"):
        prepare_splits(index.rows, columns, seed=0)


@pytest.mark.parametrize("others", [(), ("validation",)])
def test_a_file_without_the_label_column_has_rows_without_labels(tmp_path, columns, split, others):
    for name in ("train", "test", *others):
        rows = split.remove_columns("label") if name == "test" else split
        rows.to_parquet(tmp_path / f"{name}.parquet", batch_size=40)
    index = stream_index(tmp_path, columns)
    assert index.rows["test"]["label"] == [None] * COUNT
    if others:
        assert prepare_splits(index.rows, columns, seed=0).origins["test"].name == "validation"
    else:
        with pytest.raises(InputError, match="the test split has no labels; give one that has"):
            prepare_splits(index.rows, columns, seed=0)


def test_a_stream_without_columns(columns):
    stream = datasets.IterableDataset.from_generator(lambda: iter([{"image": 1, "label": 2}]))
    with pytest.raises(InputError, match="stream of the train split does not say its columns"):
        StreamIndex({"train": stream}, columns)


def test_a_label_out_of_range(tmp_path, columns, make_split):
    table = make_split([0, 1, 2, 1]).with_format("arrow")[:]
    labels = pa.array([0, 1, 7, 1])
    pq.write_table(table.set_column(1, table.schema.field("label"), labels), tmp_path / "train.parquet")
    make_split([0, 1]).to_parquet(tmp_path / "test.parquet")
    index = stream_index(tmp_path, columns)
    with pytest.raises(InputError, match=r"row 2 of the train split has the label 7; expected one of 3 classes"):
        prepare_splits(index.rows, columns, seed=0)
