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
        """Returns these facts, and those of `other` where there are none."""
        return PromptFacts(**{k: getattr(other, k) if mine is None else mine for k, mine in vars(self).items()})

    def check(self, other: PromptFacts, source: str) -> None:
        """Raises InputError if a fact differs from that of `other`, which `source` says."""
        for name, mine in vars(self).items():
            theirs = getattr(other, name)
            if None not in (mine, theirs) and mine != theirs:
                raise InputError(f"{name} is {mine}, not {theirs}, as {source}")

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

    Args:
        visual_prompt: its state dict, `program` (3, O, O) and, but for a prompt at random places, `mask` (3, O, O); None
            without a prompt.
        known: what is given or recorded.

    Raises:
        InputError: if no prompt fits both, or more must be known to tell.
    """
    if visual_prompt is None:
        return _no_prompt(known)
    if "program" not in visual_prompt or visual_prompt.keys() - {"program", "mask"}:
        raise InputError(f"'visual_prompt' holds {', '.join(visual_prompt)}; a prompt is its program and its mask")
    program = _picture("program", visual_prompt["program"])
    side = program.shape[-1]
    if known.output_size not in (None, side):
        raise InputError(f"output_size is {known.output_size}, but the program of the prompt has {side} pixels")
    if known.image_size is not None and not 1 <= known.image_size <= side:
        raise InputError(f"image_size is {known.image_size}; allowed: 1 to {side}, the side of the prompted picture")
    if "mask" in visual_prompt:
        return _masked_prompt(program, _picture("mask", visual_prompt["mask"]), known)
    return _random_prompt(program, known)


def _no_prompt(known: PromptFacts) -> FoundPrompt:
    if known.visual_prompt not in (None, "none"):
        raise InputError(f"visual_prompt is {known.visual_prompt}, but the checkpoint holds no prompt; give none")
    side = USUAL_SIZE if known.image_size is None else known.image_size
    if side < 1:
        raise InputError(f"image_size is {side}; it must be at least 1 pixel")
    facts = PromptFacts("none", 0, side, side)
    return FoundPrompt(facts, None, _size_note(facts, known))


def _random_prompt(program: Tensor, known: PromptFacts) -> FoundPrompt:
    """Returns the square moves over our parameter's picture, but the released code shows what lies below it in the program.

    In evaluation, where our square stays in place, both agree if the parameter is what lies below.
    """
    if known.visual_prompt not in (None, "random"):
        raise InputError(
            f"visual_prompt is {known.visual_prompt}, but a checkpoint without a mask is of a prompt at random places; "
            "give random"
        )
    if known.prompt_size is None:
        raise InputError(
            "a prompt at random places does not store its size; give --prompt_size, the side of its square"
        )
    size, side = known.prompt_size, program.shape[-1]
    facts = PromptFacts("random", size, known.image_size or side, side)
    row, column = facts.build().eval().place()
    parameter = torch.zeros_like(program)
    parameter[:, :size, :size] = program[:, row : row + size, column : column + size]
    moved = (
        f"the prompt is the part of the program at row {row}, column {column}, where the square stays in evaluation; "
        "at each other place the released code shows another part"
    )
    return FoundPrompt(facts, parameter, [moved, *_size_note(facts, known)])


def _masked_prompt(program: Tensor, mask: Tensor, known: PromptFacts) -> FoundPrompt:
    """Of several kinds with the same mask it is the one that is given, or else the first in the released code's options."""
    fitting = {facts.visual_prompt: facts for facts in _measured(mask[0] != 0, known.image_size) if _fits(facts, mask)}
    if not fitting:
        raise InputError(
            "the mask of the prompt is no border (pad), no square in the top-left corner (fix) and no padding (expand): "
            "such a prompt cannot be converted"
        )
    if known.visual_prompt is None and mask.all():
        raise InputError("the mask covers the whole picture, as that of pad and of fix may; give --visual_prompt")
    facts = fitting.get(known.visual_prompt, next(iter(fitting.values())))
    known.check(facts, "the mask of the prompt says")
    is_taken_for_pad = known.visual_prompt is None and fitting.keys() >= {"pad", "expand"}
    notes = ["the prompt is taken for pad; expand has the same mask"] if is_taken_for_pad else []
    return FoundPrompt(facts, program.clone(), notes + _size_note(facts, known))


def _measured(ones: Tensor, image_size: int | None) -> Iterator[PromptFacts]:
    """Yields each kind that may have a mask (O, O), in the size that its first and its middle row have."""
    side, covered = len(ones), int(ones[len(ones) // 2].sum())
    yield PromptFacts("pad", covered // 2, image_size or side, side)
    yield PromptFacts("fix", int(ones[0].sum()), image_size or side, side)
    if 0 < covered < side:
        yield PromptFacts("expand", 0, side - covered, side)


def _fits(facts: PromptFacts, mask: Tensor) -> bool:
    return torch.equal(facts.build().prompt_mask.to(mask.dtype).expand_as(mask), mask)


def _picture(name: str, tensor: Tensor) -> Tensor:
    picture = tensor[0] if tensor.ndim == 4 and len(tensor) == 1 else tensor
    if picture.ndim != 3 or len(picture) != 3 or picture.shape[1] != picture.shape[2] or picture.shape[1] < 1:
        raise InputError(f"the {name} of the prompt has the shape {tuple(tensor.shape)}; it must be (3, O, O)")
    return picture.float()


def _size_note(facts: PromptFacts, known: PromptFacts) -> list[str]:
    if known.image_size is not None or facts.visual_prompt == "expand":
        return []
    return [f"pictures are taken to have {facts.image_size} pixels before the prompt; --image_size says otherwise"]
