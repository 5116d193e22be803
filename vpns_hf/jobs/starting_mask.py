"""The mask of another run, from its folder or from the Hub."""

from __future__ import annotations

from ..errors import InputError
from ..hub import fetch_model
from ..pruning import StartingMask
from .arguments import VPNsTrainingArguments


def starting_mask(args: VPNsTrainingArguments) -> StartingMask | None:
    """Returns the mask, and the weights, that the arguments name; None if they name none.

    Raises:
        InputError: if there is no such model, it cannot be loaded, has lost no weight, or has lost channels.
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
    start = StartingMask(args.init_mask, model.masks(), weights)
    if not start.removed:
        raise InputError(f"init_mask is {args.init_mask}, which has lost no weight; give a pruned model")
    return start
