from __future__ import annotations

import datasets
import numpy as np
import pytest

from vpns_hf.data.images import BadImage, ImageDecoder, decoding


@pytest.mark.parametrize("worth_a_thread", [0, 10**9])
def test_the_order_is_that_of_the_rows(make_split, monkeypatch, worth_a_thread):
    monkeypatch.setattr(decoding, "WORTH_A_THREAD", worth_a_thread)
    split = make_split([0] * 150, size=(5, 7))
    decoder = ImageDecoder(split, "image", threads=3)
    expected = [np.asarray(image).transpose(2, 0, 1) for image in split["image"]]
    in_chunks = [image for chunk in decoder.chunks([None]) for [image] in chunk]
    chosen = [image for [image] in decoder.decode([149, 3, 3, 0], [None])]
    assert np.array_equal(in_chunks, expected)
    assert np.array_equal(chosen, np.stack(expected)[[149, 3, 3, 0]])


def test_every_size_of_a_row_comes_from_one_decoding(make_split, monkeypatch):
    calls = []
    decode = decoding.decode_image
    monkeypatch.setattr(decoding, "decode_image", lambda stored: calls.append(stored) or decode(stored))
    [images] = ImageDecoder(make_split([0], size=(8, 6)), "image").decode([0], [4, None, 9])
    assert [image.shape for image in images] == [(3, 4, 4), (3, 8, 6), (3, 9, 9)]
    assert len(calls) == 1


def test_a_bad_image_has_the_number_of_its_row(make_split):
    split = datasets.concatenate_datasets([make_split([0]), make_split([1])])
    broken = datasets.Dataset.from_dict(
        {"image": [{"bytes": b"?", "path": "a.png"}], "label": [0]}, features=split.features
    )
    first, bad = ImageDecoder(datasets.concatenate_datasets([split, broken]), "image").decode([1, 2], [4])
    assert first[0].shape == (3, 4, 4)
    assert bad == BadImage(2, "not in a format that Pillow reads", "a.png")


def test_lack_of_memory_is_not_blamed_on_the_image(make_split, monkeypatch):
    def exhausted(stored):
        raise MemoryError

    monkeypatch.setattr(decoding, "decode_image", exhausted)
    with pytest.raises(MemoryError):
        ImageDecoder(make_split([0]), "image").decode([0], [4])
