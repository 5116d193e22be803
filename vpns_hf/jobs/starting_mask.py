"""The mask of another run, from its folder or from the Hub."""

from __future__ import annotations

from torch import Tensor

from ..errors import InputError
from ..hub import fetch_model
from ..models import VPNsForImageClassification
from ..pruning import StartingMask
from .arguments import VPNsTrainingArguments


def starting_mask(args: VPNsTrainingArguments) -> StartingMask | None:
    """Returns the mask, and the weights, that the arguments name; None if they name none.

    Raises:
        InputError: if there is no such model, it cannot be loaded, has lost no weight, or has lost channels; or its visual
            prompt, where that is asked for, is not of the kind and size of the job's.
    """
    if args.init_mask is None:
        return None
    try:
        model = fetch_model(args.init_mask).load()
    except InputError as error:
        raise InputError(f"init_mask is {args.init_mask}: {error}") from error
    if model.config.widths is not None:
        raise InputError(
            f"init_mask is {args.init_mask}, from which channels were removed: its layers are not those of the dense network; give "
            "a model of another granularity"
        )
    weights = model.to_backbone().state_dict() if args.init_weights == "pruned" else {}
    prompt = _prompt(model, args) if args.init_prompt else {}
    start = StartingMask(args.init_mask, model.masks(), weights, prompt)
    if not start.removed:
        raise InputError(f"init_mask is {args.init_mask}, which has lost no weight; give a pruned model")
    return start


def _prompt(model: VPNsForImageClassification, args: VPNsTrainingArguments) -> dict[str, Tensor]:
    prompt = model.visual_prompt
    there = model.config.visual_prompt, prompt.prompt_size, prompt.output_size
    here = args.visual_prompt, args.prompt_size, args.output_size or args.image_size
    if there != here or not model.has_prompt:
        shown = ["{}, prompt_size {}, {} pixels".format(*each) for each in (there, here)]
        raise InputError(
            f"init_prompt is that of {args.init_mask}, {shown[0]}, but asked for is {shown[1]}; give the same, and one that is not none"
        )
    return prompt.state_dict()
