from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.conversion.originals import SIDE, border, padding, square
from tests.helpers import refusal
from vpns_hf.conversion import PromptFacts, find_prompt

PROGRAM = torch.randn(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def stored(mask: Tensor | None = None) -> dict[str, Tensor]:
    return {"program": PROGRAM} if mask is None else {"program": PROGRAM, "mask": mask}


@pytest.mark.parametrize(
    ("mask", "known", "facts"),
    [
        (border(1), PromptFacts(), PromptFacts("pad", 1, 32, 32)),
        (border(15), PromptFacts(image_size=20), PromptFacts("pad", 15, 20, 32)),
        (border(0), PromptFacts(), PromptFacts("pad", 0, 32, 32)),
        (border(0), PromptFacts("fix"), PromptFacts("fix", 0, 32, 32)),
        (border(16), PromptFacts("pad"), PromptFacts("pad", 16, 32, 32)),
        (border(16), PromptFacts("fix"), PromptFacts("fix", 32, 32, 32)),
        (square(1), PromptFacts(), PromptFacts("fix", 1, 32, 32)),
        (square(31), PromptFacts(prompt_size=31), PromptFacts("fix", 31, 32, 32)),
        (padding(31), PromptFacts(), PromptFacts("expand", 0, 31, 32)),
        (padding(1), PromptFacts(), PromptFacts("expand", 0, 1, 32)),
        (padding(20), PromptFacts("expand"), PromptFacts("expand", 0, 20, 32)),
    ],
)
def test_kind_and_sizes_follow_from_the_mask(mask, known, facts):
    found = find_prompt(stored(mask), known)
    assert found.facts == facts
    assert torch.equal(found.parameter, PROGRAM)
    assert torch.equal(found.facts.build().prompt_mask.expand(3, -1, -1), mask.bool())


def test_a_leading_1_makes_no_difference():
    prompt = {name: tensor[None] for name, tensor in stored(border(3)).items()}
    found = find_prompt(prompt, PromptFacts())
    assert found.facts == PromptFacts("pad", 3, 32, 32)
    assert torch.equal(found.parameter, PROGRAM)


def test_what_is_assumed_is_said():
    assert find_prompt(stored(border(3)), PromptFacts("pad", image_size=20)).notes == []
    assert find_prompt(stored(padding(26)), PromptFacts("expand")).notes == []
    ambiguous, size = find_prompt(stored(border(3)), PromptFacts()).notes
    assert "expand has the same mask" in ambiguous
    assert "32 pixels" in size
    assert "--image_size" in size


@pytest.mark.parametrize("size", [1, 9, SIDE])
def test_the_part_of_a_random_prompt_that_evaluation_shows(size):
    found = find_prompt(stored(), PromptFacts(prompt_size=size, image_size=24))
    assert found.facts == PromptFacts("random", size, 24, 32)
    prompt = found.facts.build().eval()
    prompt.load_state_dict({"prompt": found.parameter}, strict=False)
    row, column = prompt.place()
    assert torch.equal(prompt.delta(), torch.sigmoid(PROGRAM) * square(size, row, column))


def test_a_random_prompt_needs_its_size():
    assert "--prompt_size" in refusal(find_prompt, stored(), PromptFacts())
    assert "visual_prompt is fix" in refusal(find_prompt, stored(), PromptFacts("fix", 9))
    assert "prompt_size is 33" in refusal(find_prompt, stored(), PromptFacts(prompt_size=33))


@pytest.mark.parametrize(
    "mask",
    [
        square(5, 1, 0),
        square(5, 20, 20),
        border(3) * 0.5,
        -border(3),
        padding(27).flip(1, 2),
        border(3)[:, :, 16:17].expand(3, 32, 32),
    ],
)
def test_masks_of_no_kind(mask):
    assert "no border (pad)" in refusal(find_prompt, stored(mask), PromptFacts())


def test_a_mask_that_differs_by_channel():
    mask = border(3)
    mask[1] = 0
    assert "no border (pad)" in refusal(find_prompt, stored(mask), PromptFacts())


def test_what_contradicts_the_mask():
    assert "visual_prompt is fix, not pad" in refusal(find_prompt, stored(border(3)), PromptFacts("fix"))
    assert "visual_prompt is none, not pad" in refusal(find_prompt, stored(border(3)), PromptFacts("none"))
    assert "visual_prompt is random, not fix" in refusal(find_prompt, stored(square(3)), PromptFacts("random"))
    assert "prompt_size is 4, not 3" in refusal(find_prompt, stored(border(3)), PromptFacts(prompt_size=4))
    assert "image_size is 32, not 27" in refusal(find_prompt, stored(padding(27)), PromptFacts(image_size=32))
    assert "output_size is 224" in refusal(find_prompt, stored(border(3)), PromptFacts(output_size=224))
    assert "holds no prompt" in refusal(find_prompt, None, PromptFacts("pad"))


def test_a_mask_of_the_whole_picture_does_not_tell_its_kind():
    for known in (PromptFacts(), PromptFacts(prompt_size=32), PromptFacts(image_size=20)):
        assert "give --visual_prompt" in refusal(find_prompt, stored(torch.ones(3, SIDE, SIDE)), known)


@pytest.mark.parametrize("size", [-1, 0])
def test_sides_that_are_too_small(size):
    for prompt in (None, stored(), stored(border(3))):
        assert f"image_size is {size}" in refusal(find_prompt, prompt, PromptFacts(image_size=size))


def test_pictures_larger_than_the_prompt():
    assert "allowed: 1 to 32" in refusal(find_prompt, stored(border(3)), PromptFacts(image_size=33))


@pytest.mark.parametrize(
    "prompt",
    [
        {"mask": border(3)},
        {**stored(border(3)), "bias": PROGRAM},
        {"program": PROGRAM[:, :, :20]},
        {"program": PROGRAM[:2]},
        {"program": torch.tensor(1.0)},
        {"program": PROGRAM, "mask": torch.ones(32, 32)},
        {"program": PROGRAM, "mask": border(3)[:, :30, :30]},
    ],
)
def test_what_is_no_prompt(prompt):
    assert refusal(find_prompt, prompt, PromptFacts(prompt_size=3))
