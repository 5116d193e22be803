from __future__ import annotations

import torch

from tests.helpers import tiny_resnet
from tests.training_helpers import coloured_split, tiny_arguments
from vpns_hf import VPNsForImageClassification
from vpns_hf.data import Columns, StreamIndex, stream_image_dataset
from vpns_hf.data.sources import parquet_files
from vpns_hf.jobs import choose_splits, open_images, stream_store
from vpns_hf.jobs.output import digests_of_data, digests_of_settings

COLUMNS = Columns("image", "label")


def digests(folder, **groups) -> dict[str, str]:
    """Of a stream of parquet files, written in groups of so many rows."""
    for split, rows in {"train": 40, "validation": 13, "test": 17}.items():
        coloured_split(rows).to_parquet(folder / f"{split}.parquet", **groups)
    streams = stream_image_dataset(str(folder))
    index, args = StreamIndex(streams, COLUMNS, parquet_files(str(folder), streams)), tiny_arguments(folder)
    splits = choose_splits(index.rows, args, COLUMNS)
    return digests_of_data(open_images(splits, args, stream_store(index, args, COLUMNS), torch.device("cpu")), index)


def test_the_order_of_a_stream_depends_on_its_groups_of_rows(tmp_path):
    first, again, other = digests(tmp_path, batch_size=10), digests(tmp_path, batch_size=10), digests(tmp_path)
    assert first == again
    assert {name for name in first if first[name] != other[name]} == {"groups of rows"}


def test_what_tensors_do_not_tell_of_a_model_is_told():
    def settings(activation: str = "relu", mean: float = 0.5, names: str = "abc", path: str = "a") -> dict[str, str]:
        backbone = tiny_resnet()
        backbone.config.hidden_act, backbone.config._name_or_path = activation, path  # noqa: SLF001 (of transformers)
        fields = {"image_mean": [mean] * 3, "image_std": [0.2] * 3, "id2label": dict(enumerate(names))}
        return digests_of_settings(
            VPNsForImageClassification.from_backbone(backbone, image_size=16, prompt_size=2, **fields)
        )

    plain = settings()
    assert settings(path="b") == plain
    for name, changes in {
        "network": {"activation": "gelu"},
        "normalisation": {"mean": 0.4},
        "classes": {"names": "abd"},
    }.items():
        changed = settings(**changes)
        assert {each for each in plain if plain[each] != changed[each]} == {name}


def test_how_many_images_there_are_is_said(tmp_path):
    counts = {name: text.split()[0] for name, text in digests(tmp_path).items() if name.endswith("images")}
    assert counts == {"train images": "40", "validation images": "13", "test images": "17"}
