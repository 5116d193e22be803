"""Which visual prompt a checkpoint holds, told from its mask and from what is given or recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from ..models import VisualPrompt
from ..models.visual_prompts import build_visual_prompt

USUAL_SIZE = 224
SEED = 0  # of the place of a random prompt in evaluation


@dataclass(frozen=True)
class PromptFacts:
    """What is known of a prompt; None stands for what is not.

    Attributes:
        visual_prompt: a key of `VISUAL_PROMPTS`.
        prompt_size: width of the border, or side of the square, in pixels.
        image_size: side of the pictures before the prompt, in pixels.
        output_size: side of the prompted picture, in pixels.
    """

    visual_prompt: str | None = None
    prompt_size: int | None = None
    image_size: int | None = None
    output_size: int | None = None

    def or_else(self, other: PromptFacts) -> PromptFacts:
        """These facts, and those of `other` where there are none."""
        return PromptFacts(**{k: getattr(other, k) if mine is None else mine for k, mine in vars(self).items()})

    def contradiction(self, other: PromptFacts) -> str | None:
        """The first fact in which `other` differs, in words; None if none does."""
        differing = (
            f"{name} is {mine}, not {getattr(other, name)}"
            for name, mine in vars(self).items()
            if None not in (mine, getattr(other, name)) and mine != getattr(other, name)
        )
        return next(differing, None)

    def build(self) -> VisualPrompt:
        """Returns the prompt of these facts, all of them known.

        Raises:
            InputError: if the sizes do not fit each other.
        """
        try:
            return build_visual_prompt(self.visual_prompt, self.image_size, self.output_size, self.prompt_size, SEED)
        except ValueError as error:
            raise InputError(str(error)) from error


NOTHING_KNOWN = PromptFacts()


@dataclass(frozen=True)
class FoundPrompt:
    """A prompt of ours that changes pixels as the one of the checkpoint does in evaluation.

    Attributes:
        facts: all of them known.
        parameter: (3, O, O) float32; None without a prompt.
        notes: what was assumed, in sentences.
    """

    facts: PromptFacts
    parameter: Tensor | None
    notes: list[str]


def find_prompt(visual_prompt: Mapping[str, Tensor] | None, known: PromptFacts) -> FoundPrompt:
    """Tells the kind and the sizes of a prompt.

    The released code stores the parameter as `program` (3, O, O), and the `mask` of a prompt that stays in place; one at
    random places has none.

    Args:
        visual_prompt: its state dict; None without a prompt.
        known: what is given or recorded.

    Raises:
        InputError: if no prompt fits both, or more must be known to tell.
    """
    if known.image_size is not None and known.image_size < 1:
        raise InputError(f"image_size is {known.image_size}; it must be at least 1 pixel")
    if visual_prompt is None:
        return _no_prompt(known)
    if "program" not in visual_prompt or visual_prompt.keys() - {"program", "mask"}:
        raise InputError(f"'visual_prompt' holds {', '.join(visual_prompt)}; a prompt is its program and its mask")
    program = _picture("program", visual_prompt["program"])
    side = program.shape[-1]
    if known.output_size not in (None, side):
        raise InputError(f"output_size is {known.output_size}, but the program of the prompt has {side} pixels")
    if known.image_size is not None and known.image_size > side:
        raise InputError(f"image_size is {known.image_size}; it must be at most {side}, the side of the prompt")
    if "mask" not in visual_prompt:
        return _random_prompt(program, known)
    mask = _picture("mask", visual_prompt["mask"])
    return _masked_prompt(program, mask, known)


def _no_prompt(known: PromptFacts) -> FoundPrompt:
    facts = PromptFacts("none", 0, known.image_size or USUAL_SIZE, known.image_size or USUAL_SIZE)
    if known.visual_prompt not in (None, "none"):
        raise InputError(f"visual_prompt is {known.visual_prompt}, but the checkpoint holds no prompt; give none")
    return FoundPrompt(facts, None, _size_note(facts, known))


def _random_prompt(program: Tensor, known: PromptFacts) -> FoundPrompt:
    """The square moves over our parameter's picture, but the released code shows what lies below it in the program.

    In evaluation, where our square stays in place, both agree if the parameter is what lies below.
    """
    if known.visual_prompt not in (None, "random"):
        raise InputError(
            f"visual_prompt is {known.visual_prompt}, but the checkpoint holds no mask, as of a prompt at random places; "
            "give random"
        )
    if known.prompt_size is None:
        raise InputError(
            "a prompt at random places does not store its size; give --prompt_size, the side of its square"
        )
    side = program.shape[-1]
    facts = PromptFacts("random", known.prompt_size, known.image_size or side, side)
    row, column = facts.build().eval().place()
    parameter = torch.zeros_like(program)
    shown = program[:, row : row + facts.prompt_size, column : column + facts.prompt_size]
    parameter[:, : facts.prompt_size, : facts.prompt_size] = shown
    moved = (
        f"the prompt is the part of the program at row {row}, column {column}, where the square stays in evaluation; "
        "at each other place the released code shows another part"
    )
    return FoundPrompt(facts, parameter, [moved, *_size_note(facts, known)])


def _masked_prompt(program: Tensor, mask: Tensor, known: PromptFacts) -> FoundPrompt:
    fitting = list(_fitting(mask, known.image_size))
    if not fitting:
        raise InputError(
            "the mask of the prompt is no border (pad), no square in the top-left corner (fix) and no padding (expand): "
            "such a prompt cannot be converted"
        )
    agreeing = [facts for facts in fitting if known.contradiction(facts) is None]
    if not agreeing:
        raise InputError(f"{known.contradiction(fitting[0])}, as the mask of the prompt says")
    facts = agreeing[0]
    others = [other.visual_prompt for other in agreeing[1:]]
    if "fix" in others and facts.prompt_size > 0:
        raise InputError("the mask covers the whole picture, as that of pad and of fix may; give --visual_prompt")
    notes = ["the prompt is taken for pad; expand has the same mask"] if "expand" in others else []
    return FoundPrompt(facts, program.clone(), notes + _size_note(facts, known))


def _fitting(mask: Tensor, image_size: int | None) -> Iterator[PromptFacts]:
    """Yields the prompts that have this mask, `pad` first, which comes before `expand` in the released code's options."""
    side = mask.shape[-1]
    ones = mask[0] != 0
    if not torch.equal(mask, ones.to(mask.dtype).expand_as(mask)):
        return
    middle = ones[side // 2]
    input_side = image_size or side
    for facts in (
        PromptFacts("pad", int(middle[: side // 2].sum()), input_side, side),
        PromptFacts("fix", int(ones[0].sum()), input_side, side),
        PromptFacts("expand", 0, side - int(middle.sum()), side),
    ):
        can_be_built = facts.visual_prompt != "expand" or 0 < facts.image_size < side
        if can_be_built and torch.equal(facts.build().prompt_mask[0], ones):
            yield facts


def _picture(name: str, tensor: Tensor) -> Tensor:
    picture = tensor[0] if tensor.ndim == 4 and len(tensor) == 1 else tensor
    if picture.ndim != 3 or len(picture) != 3 or picture.shape[1] != picture.shape[2] or picture.shape[1] < 1:
        raise InputError(f"the {name} of the prompt has the shape {tuple(tensor.shape)}; it must be (3, O, O)")
    return picture.float()


def _size_note(facts: PromptFacts, known: PromptFacts) -> list[str]:
    if known.image_size is not None or facts.visual_prompt == "expand":
        return []
    return [f"pictures are taken to have {facts.image_size} pixels before the prompt; --image_size says otherwise"]
