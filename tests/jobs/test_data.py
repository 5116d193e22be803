from __future__ import annotations

import datasets
import pytest
import torch

from tests.helpers import tiny_resnet
from tests.training_helpers import coloured_split, tiny_arguments, tiny_trainer, with_unreadable_row
from vpns_hf import InputError, VPNsTrainer
from vpns_hf.data import Process
from vpns_hf.jobs import global_batch_size, run_data
from vpns_hf.reporting import results_table


def test_the_batch_size_counts_all_processes_together(tmp_path):
    args = tiny_arguments(tmp_path, train_batch_size=24)
    assert [global_batch_size(args, Process(0, count)) for count in (1, 2, 4)] == [24, 24, 24]


def test_a_batch_size_per_process_takes_its_place(tmp_path):
    args = tiny_arguments(tmp_path, per_device_train_batch_size=6)
    assert [global_batch_size(args, Process(0, count)) for count in (1, 2, 4)] == [6, 12, 24]


def test_the_streams_of_a_run(tmp_path):
    data = tiny_trainer(tmp_path).batches()
    assert len(data.prompted) == len(data.plain) == len(data.mapping) == 3  # 40 pictures, 16 at a time
    assert sum(len(batch.labels) for batch in data.mapping) == 40
    assert sum(len(batch.labels) for batch in data.validation) == 13
    prompted, plain = (next(stream.epoch(1)) for stream in (data.prompted, data.plain))
    assert prompted.pixel_values.shape == plain.pixel_values.shape == (16, 3, 16, 16)
    assert prompted.labels.tolist() != plain.labels.tolist()


def test_the_prompted_stream_shows_pictures_as_they_are(tmp_path):
    data = tiny_trainer(tmp_path).batches()
    upright = {picture.numpy().tobytes() for batch in data.mapping for picture in batch.pixel_values}
    shown = [picture.numpy().tobytes() for batch in data.prompted.epoch(1) for picture in batch.pixel_values]
    augmented = [picture.numpy().tobytes() for batch in data.plain.epoch(1) for picture in batch.pixel_values]
    assert set(shown) == upright
    assert not set(augmented) & upright


def test_a_batch_size_that_cannot_be_shared_out(tmp_path):
    trainer = tiny_trainer(tmp_path)
    args = tiny_arguments(tmp_path, train_batch_size=9)
    with pytest.raises(InputError, match="batch_size 9 over 2 processes"):
        run_data(trainer.images, args, Process(1, 2))


@pytest.mark.slow
def test_images_that_are_left_out_are_counted_and_reported(tmp_path):
    args = tiny_arguments(tmp_path, on_bad_image="skip")
    train, test = with_unreadable_row(coloured_split(40), 7), with_unreadable_row(coloured_split(12, seed=1), 0)
    trainer = VPNsTrainer(tiny_resnet(), args, train, train.select(range(7)), test)
    results = trainer.train()
    assert results["skipped_images"] == {"train": 1, "test": 1}
    assert len(trainer.images.train) == len(trainer.images.train_upright) == 39
    assert "left out: 1 train, 1 test" in results_table(trainer.results)
    assert "left out: 1 train, 1 test" in (tmp_path / "out" / "results.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("streamed", [False, True])
def test_copies_of_images_in_two_splits_are_counted_and_reported(tmp_path, streamed):
    args = tiny_arguments(tmp_path, on_bad_image="skip")  # which tries every image of a stream at the start
    train, test = coloured_split(40), coloured_split(9, seed=1)
    test = datasets.concatenate_datasets([train.select([5, 3, 8]), test]).flatten_indices()
    splits = train, coloured_split(7, seed=2), test
    splits = [split.to_iterable_dataset() for split in splits] if streamed else splits
    trainer = VPNsTrainer(tiny_resnet(), args, *splits)
    assert trainer.train()["copied_images"] == {"test": {"train": 3}}
    sentence = "3 of 12 test images are also training images, byte for byte."
    for text in ("results.md", "sparsity-50/README.md"):
        assert (tmp_path / "out" / text).read_text().count(sentence) == 1


def test_a_plan_says_where_copies_are_not_looked_for(tmp_path):
    splits = coloured_split(40), coloured_split(7, seed=2), coloured_split(9, seed=1)
    streams = [split.to_iterable_dataset() for split in splits]
    for how, says in (("error", True), ("skip", False)):
        args = tiny_arguments(tmp_path, on_bad_image=how)
        assert ("not looked for in a stream" in str(VPNsTrainer(tiny_resnet(), args, *streams).plan())) == says
        assert "not looked for" not in str(VPNsTrainer(tiny_resnet(), args, *splits).plan())


@pytest.mark.slow
def test_images_that_are_not_kept_give_the_same_results(tmp_path):
    kept, uncached = (
        tiny_trainer(tmp_path / how, cache_images=how, cache_dir=str(tmp_path / how / "cache")).train()["runs"][0]
        for how in ("yes", "no")
    )
    assert not list(tmp_path.glob("no/cache/**/*.bin"))
    assert [record["loss"] for record in kept["history"]] == [record["loss"] for record in uncached["history"]]
    assert kept["accuracy"] == uncached["accuracy"]


@pytest.mark.slow
def test_streams_are_trained_on(tmp_path):
    splits = coloured_split(40, seed=1), coloured_split(13, seed=2), coloured_split(17, seed=3)
    streams = [split.to_iterable_dataset(num_shards=3) for split in splits]
    streamed = VPNsTrainer(tiny_resnet(), tiny_arguments(tmp_path, shuffle_buffer_size=8), *streams)
    ours = streamed.train()["runs"][0]
    kept = tiny_trainer(tmp_path / "kept")
    assert streamed.splits.class_names == kept.splits.class_names
    # The same pictures, in another order of training.
    assert len(streamed.batches().plain) == len(kept.batches().plain)
    for batch, other in zip(streamed.batches().mapping, kept.batches().mapping, strict=True):
        assert torch.equal(batch.pixel_values, other.pixel_values)
    assert ours["accuracy"] == streamed.evaluate()[0.5]["accuracy"]
    assert not list((tmp_path / "cache").rglob("*.bin"))


def test_a_stream_is_cut_as_any_data_set(tmp_path):
    train, test = coloured_split(40, seed=1), coloured_split(17, seed=3)
    streamed = VPNsTrainer(
        tiny_resnet(), tiny_arguments(tmp_path), train.to_iterable_dataset(), None, test.to_iterable_dataset()
    )
    kept = VPNsTrainer(tiny_resnet(), tiny_arguments(tmp_path), train, None, test)
    for part in ("train", "validation", "test"):
        assert streamed.splits.origins[part].rows == kept.splits.origins[part].rows
    assert "Decoded images: made anew for every batch, from a stream" in str(streamed.plan())


@pytest.mark.parametrize("name", ["cache_images", "data_on_device"])
def test_a_stream_cannot_be_kept(tmp_path, name):
    streams = [coloured_split(rows).to_iterable_dataset() for rows in (40, 13, 17)]
    with pytest.raises(InputError, match=f"^{name} is yes, but a stream keeps no images; give auto"):
        VPNsTrainer(tiny_resnet(), tiny_arguments(tmp_path, **{name: "yes"}), *streams).batches()


def test_streams_and_other_data_sets_are_not_mixed(tmp_path):
    with pytest.raises(InputError, match="give all as streams, or none"):
        VPNsTrainer(
            tiny_resnet(), tiny_arguments(tmp_path), coloured_split(9).to_iterable_dataset(), None, coloured_split(9)
        )
