from __future__ import annotations

import re
import struct
import zlib

import pytest
import torch

from tests.helpers import refusal, same
from vpns_hf.models.checksums import CHECKSUMS, checksum, with_checksums, without_checksums

DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.uint8, torch.bool]


def tensors() -> dict[str, torch.Tensor]:
    return {
        "b": torch.arange(6.0).view(2, 3),
        "a": torch.tensor(7),
        "empty": torch.empty(0),
        "c": torch.ones(2).half(),
    }


def test_a_checksum_is_the_crc_of_name_dtype_shape_and_bytes():
    expected = zlib.crc32(b"a.weight float32 [2, 1]" + struct.pack("<2f", 1.5, -2.0))
    assert checksum("a.weight", torch.tensor([[1.5], [-2.0]])) == expected


def test_they_are_in_the_order_of_the_names():
    plain = tensors()
    sums = with_checksums(plain)[CHECKSUMS]
    assert sums.dtype == torch.int64
    assert sums.tolist() == [checksum(name, plain[name]) for name in ("a", "b", "c", "empty")]


def test_unchanged_tensors_come_back():
    again = without_checksums(with_checksums(tensors()), required=True)
    assert again.keys() == tensors().keys()
    assert same(tensors(), again)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_flipped_bit_is_noticed(dtype):
    tensor = torch.tensor([1, 0, 1]).to(dtype)
    stored = with_checksums({"a": tensor, "b": torch.ones(1)})
    content = tensor.view(torch.uint8)
    for position in range(8 * len(content)):
        content[position // 8] ^= 1 << position % 8
        with pytest.raises(ValueError, match="a has changed since it was saved"):
            without_checksums(stored, required=True)
        content[position // 8] ^= 1 << position % 8
    without_checksums(stored, required=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda stored: stored.update(b=stored["b"].view(3, 2)), "^b has changed"),
        (lambda stored: stored.update(b=stored["b"].view(torch.int32)), "^b has changed"),
        (lambda stored: stored.update(d=stored.pop("c")), "^d has changed"),
        (lambda stored: stored.update(a=torch.tensor(8), b=torch.zeros(2, 3)), "^a and 1 more has changed"),
        (lambda stored: stored.pop("c"), r"^checksums holds \(4,\) torch.int64 for 3 tensors"),
        (lambda stored: stored.update(checksums=stored[CHECKSUMS].to(torch.int32)), "^checksums holds"),
        (lambda stored: stored.pop(CHECKSUMS), "^the checkpoint has no checksums"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(change, message):
    stored = with_checksums(tensors())
    change(stored)
    assert re.search(message, refusal(without_checksums, stored, required=True, error=ValueError))


def test_tensors_in_memory_need_none():
    assert without_checksums(tensors(), required=False).keys() == tensors().keys()
