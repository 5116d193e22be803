"""A card that is there already, and what was made anew of it: what somebody else wrote stays as it is."""

from __future__ import annotations

from collections.abc import Sequence

from huggingface_hub import EvalResult, ModelCard, ModelCardData
from yaml import YAMLError

from ...errors import InputError
from ...utils.text import one_line

BEGIN, END = "<!-- vpns:begin -->", "<!-- vpns:end -->"
NO_HEADER = "---\n{}\n---\n"


def merge(text: str, made: ModelCard, with_text: bool) -> str:
    """Returns a card with our fields of its header replaced, and with the generated part of its text.

    Args:
        text: of the card.
        made: a card made anew: our fields, and the generated part between its two markers.
        with_text: whether the generated part is put in the place of the earlier one, or at the end where there is none.

    Raises:
        InputError: if the header cannot be read, or there is anything but one marker of each kind, in order.
    """
    ending = "\r\n" if "\r\n" in text else "\n"
    card = _read(text.replace("\r\n", "\n"))
    _merge_header(card.data, made.data)
    if with_text:
        card.text = _merge_text(card.text, made.text.strip())
    return str(card).replace("\n", ending)


def has_markers(text: str) -> bool:
    """Returns whether a part of a card was generated, or its markers are damaged."""
    return BEGIN in text or END in text


def _read(text: str) -> ModelCard:
    try:
        return ModelCard(text if text.startswith("---") else NO_HEADER + text)
    except (ValueError, TypeError, AttributeError, YAMLError) as error:
        raise InputError(f"its header cannot be read ({one_line(error)}); correct it") from error


def _merge_header(card: ModelCardData, made: ModelCardData) -> None:
    for name, ours in vars(made).items():
        theirs = card.get(name)
        if name == "eval_results":
            card[name] = newest_in_place([*(theirs or []), *(ours or [])]) or None
        elif isinstance(theirs, list) and ours is not None:
            card[name] = list(dict.fromkeys([*theirs, *(ours if isinstance(ours, list) else [ours])]))
        elif ours is not None:
            card[name] = ours


def newest_in_place(results: Sequence[EvalResult]) -> list[EvalResult]:
    """Returns the numbers of a model index, of several that say the same of the same split only the last."""
    return list({(*one.unique_identifier, one.metric_type, one.metric_name): one for one in results}.values())


def _merge_text(text: str, part: str) -> str:
    if not has_markers(text):
        return f"{text.rstrip()}\n\n{part}\n"
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if (text.count(BEGIN), rest.count(END), before.count(END)) != (1, 1, 0):
        raise InputError(f"it must have one line {BEGIN} and one line {END} below it, around what is made anew")
    return before + part + after
