from __future__ import annotations

import pytest
import torch

from vpns_hf.data import ImageCache
from vpns_hf.data.store import device_memory, on_device
from vpns_hf.errors import InputError

STAND_IN = torch.device("meta")  # a device of which the tests say how much is free


def cache(count: int) -> ImageCache:
    """`count` images of 48 bytes."""
    images = torch.arange(count * 48).to(torch.uint8).view(count, 4, 4, 3).permute(0, 3, 1, 2)
    return ImageCache(images, torch.arange(count), skipped=2)


@pytest.fixture
def free(monkeypatch):
    def set_free(count: int) -> None:
        monkeypatch.setitem(device_memory.FREE_BYTES, "meta", lambda device: count)

    return set_free


def devices(sources) -> list[str]:
    return [source.images.device.type for source in sources]


@pytest.mark.parametrize(("images", "moved"), [(10, True), (11, False)])
def test_half_of_what_is_free_may_be_taken(free, images, moved):
    free(2 * 10 * 48)
    assert devices(on_device([cache(images)], STAND_IN, "auto")) == ["meta" if moved else "cpu"]


def test_the_first_come_first(free):
    free(1000)
    # 480 of 1000; then 288 do not fit the half of 520, and 96 do.
    assert devices(on_device([cache(10), cache(6), cache(2)], STAND_IN, "auto")) == ["meta", "cpu", "meta"]


def test_images_that_are_shared_move_once(free):
    free(1000)
    one = cache(10)
    twin = ImageCache(one.images, one.labels)
    first, second = on_device([one, twin], STAND_IN, "auto")
    assert first.images is second.images
    assert first.images.device.type == "meta"


def test_labels_and_counts_stay(free):
    free(10**6)
    [moved] = on_device([cache(3)], STAND_IN, "yes")
    assert (moved.labels.tolist(), moved.skipped) == ([0, 1, 2], 2)
    assert moved.images.shape == (3, 3, 4, 4)
    assert moved.images.is_contiguous(memory_format=torch.channels_last)


def test_yes_and_no(free):
    free(480)
    assert devices(on_device([cache(10)], STAND_IN, "yes")) == ["meta"]
    assert devices(on_device([cache(1)], STAND_IN, "no")) == ["cpu"]
    with pytest.raises(InputError, match=r"need 0\.00 MB on the device, .*data_on_device auto"):
        on_device([cache(11)], STAND_IN, "yes")


@pytest.mark.parametrize("choice", ["auto", "yes", "no"])
def test_on_the_cpu_everything_stays(choice):
    one = cache(3)
    assert on_device([one], torch.device("cpu"), choice) == [one]


def test_what_is_not_kept_decoded_stays(free):
    free(10**6)
    source = object()
    assert on_device([source, cache(1)], STAND_IN, "yes")[0] is source


def test_images_elsewhere_are_read_by_rows_of_the_host():
    one = cache(5)
    rows = torch.tensor([4, 0, 4])
    assert torch.equal(one.read(rows), one.images[rows])
    assert ImageCache(one.images.to("meta"), one.labels).read(rows).shape == (3, 3, 4, 4)
