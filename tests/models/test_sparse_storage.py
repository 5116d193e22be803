from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import SEEDED, refusal
from vpns_hf.models.sparse_storage import pack_bits, pack_state_dict, unpack_bits, unpack_state_dict

SHAPES = st.lists(st.integers(1, 7), min_size=1, max_size=4).map(tuple)
DTYPES = st.sampled_from([torch.float32, torch.float16, torch.bfloat16, torch.float64])


def random_mask(shape: tuple[int, ...], density: float, seed: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < density


def stored(shape: tuple[int, ...] = (3, 5), density: float = 0.5, sparse: bool = True) -> dict[str, torch.Tensor]:
    """The file of one layer `a` with weights 1, 2, 3, ..."""
    weight = torch.arange(1.0, 1 + torch.Size(shape).numel()).view(shape)
    state_dict = {"a.weight": weight, "a.weight_mask": random_mask(shape, density, 0), "a.bias": torch.ones(2)}
    return pack_state_dict(state_dict, ["a.weight"], sparse)


def test_bits_are_row_major_least_significant_first():
    mask = torch.tensor([[1, 0, 0, 0, 0], [0, 0, 1, 0, 1]], dtype=torch.bool)
    assert pack_bits(mask).tolist() == [0b10000001, 0b00000010]
    assert pack_bits(mask).dtype == torch.uint8


@SEEDED
@given(shape=SHAPES, density=st.sampled_from([0.0, 0.3, 0.9, 1.0]), seed=st.integers(0, 99))
def test_bits_come_back(shape, density, seed):
    mask = random_mask(shape, density, seed)
    bits = pack_bits(mask)
    assert bits.shape == (-(-mask.numel() // 8),)
    again = unpack_bits(bits, mask.shape, "a")
    assert again.dtype == torch.bool
    assert torch.equal(again, mask)


@SEEDED
@given(shape=SHAPES, density=st.sampled_from([0.0, 0.3, 0.9, 1.0]), sparse=st.booleans(), dtype=DTYPES)
def test_a_state_dict_comes_back_with_pruned_weights_zero(shape, density, sparse, dtype):
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    mask, bias = random_mask(shape, density, 2), torch.randn(3)
    state_dict = {"a.weight": weight, "a.weight_mask": mask, "a.bias": bias, "b.weight": weight}
    packed = pack_state_dict(state_dict, ["a.weight"], sparse)
    again = unpack_state_dict(packed, {key: value.shape for key, value in state_dict.items()})
    assert set(again) == set(state_dict)
    assert torch.equal(again["a.weight"], torch.where(mask, weight, torch.zeros((), dtype=dtype)))
    assert again["a.weight"].dtype == dtype
    assert torch.equal(again["a.weight_mask"], mask)
    assert torch.equal(again["a.bias"], bias)
    assert torch.equal(again["b.weight"], weight)


def test_a_mask_in_another_memory_format_comes_back():
    mask = random_mask((4, 3, 5, 5), 0.5, 0)
    turned = mask.to(memory_format=torch.channels_last)
    assert torch.equal(pack_bits(turned), pack_bits(mask))
    weight = torch.randn(4, 3, 5, 5)
    rows = pack_state_dict({"a": weight, "a_mask": mask}, ["a"], sparse=True)
    last = pack_state_dict({"a": weight.to(memory_format=torch.channels_last), "a_mask": turned}, ["a"], sparse=True)
    assert torch.equal(rows["a_values"], last["a_values"])


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("live", [float("nan"), float("inf"), -0.0, 3.0])
def test_a_pruned_weight_is_zero_or_absent_whatever_its_live_value(sparse, live):
    mask = random_mask((5, 6), 0.5, 0)
    weight = torch.where(mask, 2.0, live)
    packed = pack_state_dict({"a": weight, "a_mask": mask}, ["a"], sparse)
    if sparse:
        assert set(packed) == {"a_bits", "a_values"}
        assert packed["a_values"].tolist() == [2.0] * int(mask.sum())
    else:
        assert set(packed) == {"a_bits", "a"}
        assert (packed["a"][~mask] == 0).all()
        assert not packed["a"][~mask].signbit().any()
        assert (packed["a"][mask] == 2).all()


def test_packing_leaves_its_input_alone():
    weight, mask = torch.ones(2, 3), torch.zeros(2, 3, dtype=torch.bool)
    state_dict = {"a": weight, "a_mask": mask}
    pack_state_dict(state_dict, ["a"], sparse=False)
    assert set(state_dict) == {"a", "a_mask"}
    assert torch.equal(weight, torch.ones(2, 3))


SHAPE = {"a.weight": torch.Size((3, 5)), "a.weight_mask": torch.Size((3, 5)), "a.bias": torch.Size((2,))}


@pytest.mark.parametrize(
    ("key", "damage", "message"),
    [
        ("a.weight_bits", lambda bits: bits[:-1], r"a\.weight_bits holds \(1,\).*2 bytes"),
        ("a.weight_bits", lambda bits: torch.cat([bits, bits]), r"a\.weight_bits holds \(4,\)"),
        ("a.weight_bits", lambda bits: bits.view(1, -1), r"a\.weight_bits holds \(1, 2\)"),
        ("a.weight_bits", lambda bits: bits.to(torch.int32), r"a\.weight_bits .*int32"),
        (
            "a.weight_bits",
            lambda bits: bits | torch.tensor([0, 128], dtype=torch.uint8),
            r"a\.weight_bits has bits set",
        ),
        ("a.weight_bits", lambda bits: bits ^ torch.tensor([1, 0], dtype=torch.uint8), r"a\.weight_values holds"),
        ("a.weight_values", lambda values: values[1:], r"a\.weight_values holds"),
        ("a.weight_values", lambda values: torch.cat([values, values[:1]]), r"a\.weight_values holds"),
        ("a.weight_values", lambda values: values.view(-1, 1), r"a\.weight_values holds"),
    ],
)
def test_damage_is_refused_by_name(key, damage, message):
    packed = stored()
    packed[key] = damage(packed[key])
    assert re.search(message, refusal(unpack_state_dict, packed, SHAPE, error=ValueError))


def test_a_full_last_byte_needs_no_padding():
    packed = stored((2, 8), 1.0)
    assert packed["a.weight_bits"].tolist() == [255, 255]
    shapes = {"a.weight": torch.Size((2, 8))}
    assert unpack_state_dict(packed, shapes)["a.weight_mask"].all()
