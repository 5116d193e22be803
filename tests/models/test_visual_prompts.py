from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import SEEDED, hand_pictures, pictures, refusal, sine
from vpns_hf.models import VISUAL_PROMPTS
from vpns_hf.models.visual_prompts import VisualPrompt, build_visual_prompt

WITH_PARAMETER = ["pad", "fix", "random", "expand"]


def build(name: str, image_size: int = 8, output_size: int = 8, prompt_size: int = 2, seed: int = 0) -> VisualPrompt:
    return build_visual_prompt(name, image_size, output_size, prompt_size, seed)


def with_values(prompt: VisualPrompt, values: torch.Tensor) -> VisualPrompt:
    with torch.no_grad():
        prompt.prompt.copy_(values)
    return prompt


@pytest.mark.parametrize(
    ("name", "prompt_size", "total"), [("pad", 2, 71.559021), ("fix", 3, 51.551880), ("expand", 0, 99.148651)]
)
def test_hand_checked_sums(name, prompt_size, total):
    prompt = with_values(build(name, 5, 8, prompt_size), sine(3, 8, 8, rate=0.9, shift=0.3))
    assert prompt(hand_pictures(1, 3, 5, 5)).sum().item() == pytest.approx(total, abs=1e-4)


@SEEDED
@given(output_size=st.integers(1, 20), data=st.data())
def test_a_pad_prompt_trains_the_border_only(output_size, data):
    border = data.draw(st.integers(0, output_size // 2))
    prompt = build("pad", output_size, output_size, border)
    assert prompt.num_values == 3 * (4 * output_size * border - 4 * border**2)
    assert prompt.prompt_mask.shape == (1, output_size, output_size)
    inner = prompt.prompt_mask[:, border : output_size - border, border : output_size - border]
    assert not inner.any()


def test_half_the_side_covers_the_whole_picture():
    assert build("pad", 8, 8, 4).prompt_mask.all()


@pytest.mark.parametrize(
    ("name", "sizes", "count"),
    [("pad", (224, 224, 16), 39936), ("fix", (6, 8, 3), 27), ("random", (8, 8, 5), 75), ("expand", (5, 8, 0), 117)],
)
def test_number_of_trainable_values(name, sizes, count):
    assert build(name, *sizes).num_values == count


def test_no_prompt_has_nothing_to_train():
    prompt = build("none")
    assert prompt.num_values == 0
    assert not list(prompt.parameters())
    assert not prompt.state_dict()
    assert torch.equal(prompt(pictures(size=8)), pictures(size=8))


@pytest.mark.parametrize("name", VISUAL_PROMPTS)
@pytest.mark.parametrize(("image_size", "left", "right"), [(5, 2, 1), (4, 2, 2), (7, 1, 0)])
def test_a_smaller_picture_is_padded_more_at_the_start(name, image_size, left, right):
    prompt = build(name, image_size, 8, 0)
    x = pictures(size=image_size)
    padded = prompt.centre(x)
    assert padded.shape == (2, 3, 8, 8)
    assert prompt(x).shape == (2, 3, 8, 8)
    assert torch.equal(padded[:, :, left : 8 - right, left : 8 - right], x)
    assert padded.count_nonzero() == x.count_nonzero()


@pytest.mark.parametrize("border", [0, 1, 4])
def test_a_zero_pad_prompt_is_the_identity(border):
    x = pictures(size=8)
    assert torch.equal(build("pad", 8, 8, border)(x), x)


@pytest.mark.parametrize("name", ["fix", "random"])
def test_a_square_starts_half_way(name):
    prompt = build(name, 8, 8, 3).eval()
    change = prompt(torch.zeros(1, 3, 8, 8))
    assert change.unique().tolist() == [0.0, 0.5]
    assert int((change == 0.5).sum()) == 27


def test_fix_stays_in_the_top_left_corner():
    change = build("fix", 8, 8, 3)(torch.zeros(1, 3, 8, 8))
    assert (change[:, :, :3, :3] == 0.5).all()


def test_expand_changes_the_padding_only():
    prompt = build("expand", 5, 8, 0)
    x = pictures(size=5)
    prompted = prompt(x)
    assert torch.equal(prompted[:, :, 2:7, 2:7], x)
    frame = torch.ones(8, 8, dtype=torch.bool)
    frame[2:7, 2:7] = False
    assert (prompted[:, :, frame] == 0.5).all()


@pytest.mark.parametrize("name", WITH_PARAMETER)
def test_the_gradient_is_zero_off_the_mask(name):
    prompt = build(name, 6, 8, 2)
    prompt(0.25 + pictures(size=6) / 2).pow(2).sum().backward()
    on = prompt.prompt_mask.expand(3, 8, 8)
    assert (prompt.prompt.grad[~on] == 0).all()
    assert prompt.prompt.grad[on].count_nonzero() > 0


@pytest.mark.parametrize("name", WITH_PARAMETER)
def test_values_off_the_mask_never_show(name):
    prompt = build(name, 6, 8, 2).eval()
    x = pictures(size=6)
    before = prompt(x)
    with torch.no_grad():
        prompt.prompt[~prompt.prompt_mask.expand(3, 8, 8)] = 7.0
    assert torch.equal(prompt(x), before)


@pytest.mark.parametrize("name", WITH_PARAMETER)
@pytest.mark.parametrize("value", [-50.0, 50.0])
def test_pixels_stay_between_0_and_1(name, value):
    prompt = with_values(build(name, 6, 8, 2), torch.full((3, 8, 8), value))
    prompted = prompt(pictures(size=6))
    assert prompted.min() >= 0
    assert prompted.max() <= 1


def test_a_clamped_pixel_has_no_gradient():
    prompt = with_values(build("pad", 8, 8, 4), torch.full((3, 8, 8), 2.0))
    prompt(pictures(size=8)).sum().backward()
    assert prompt.prompt.grad.count_nonzero() == 0


def corners(prompted: torch.Tensor) -> set[tuple[int, int]]:
    """Top-left corner of the changed pixels of each picture."""
    places = set()
    for picture in prompted.detach():
        rows, columns = picture.amax(0).nonzero(as_tuple=True)
        places.add((int(rows.min()), int(columns.min())))
    return places


def test_random_reaches_every_offset_and_has_one_place_per_batch():
    torch.manual_seed(0)
    prompt = build("random", 5, 5, 3).train()
    seen = set()
    for _ in range(200):
        places = corners(prompt(torch.zeros(4, 3, 5, 5)))
        assert len(places) == 1
        seen |= places
    assert seen == {(row, column) for row in range(3) for column in range(3)}


def test_random_moves_the_square_unbroken():
    torch.manual_seed(0)
    values = torch.rand(3, 6, 6)
    prompt = with_values(build("random", 6, 6, 2), values).train()
    for _ in range(20):
        prompted = prompt(torch.zeros(1, 3, 6, 6))
        ((row, column),) = corners(prompted)
        square = prompted[0, :, row : row + 2, column : column + 2]
        assert torch.equal(square, values.sigmoid()[:, :2, :2])
        assert prompted.count_nonzero() == 12


def test_random_is_fixed_in_evaluation_and_follows_its_seed():
    x = torch.zeros(1, 3, 9, 9)
    prompts = [build("random", 9, 9, 2, seed=seed).eval() for seed in range(30)]
    for prompt in prompts:
        torch.manual_seed(prompt.seed + 1)
        assert torch.equal(prompt(x), prompt(x))
    assert torch.equal(prompts[3](x), build("random", 9, 9, 2, seed=3).eval()(x))
    assert len(set().union(*(corners(prompt(x)) for prompt in prompts))) > 10


def test_evaluation_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    build("random", 9, 9, 2).eval()(torch.zeros(1, 3, 9, 9))
    assert torch.equal(torch.rand(3), expected)


def test_a_square_as_large_as_the_picture_has_one_place():
    prompt = build("random", 4, 4, 4).train()
    assert (prompt(torch.zeros(1, 3, 4, 4)) == 0.5).all()


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=rf"'frame'.*{', '.join(VISUAL_PROMPTS)}"):
        build("frame")


@pytest.mark.parametrize(
    ("name", "sizes", "message"),
    [
        ("pad", (8, 8, 5), r"prompt_size is 5; .*0 to 4"),
        ("pad", (9, 9, 5), r"prompt_size is 5; .*0 to 4"),
        ("pad", (8, 8, -1), r"prompt_size is -1"),
        ("fix", (8, 8, 9), r"prompt_size is 9; .*0 to 8"),
        ("random", (8, 8, 9), r"prompt_size is 9; .*0 to 8"),
        ("fix", (8, 8, -1), r"prompt_size is -1"),
        ("expand", (8, 8, 0), r"image_size below output_size; got 8 and 8"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(name, sizes, message):
    assert re.search(message, refusal(build, name, *sizes, error=ValueError))
