"""The options that say which images a saved model is shown; named as for `vpns prune`."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import fields
from types import NoneType
from typing import Any, get_args, get_type_hints

from ... import jobs
from ...errors import InputError
from ...jobs import EvaluationArguments
from ...utils.options import defaults_of


def add_image_options(parser: ArgumentParser) -> None:
    """Adds those that every command has; of the name of the data set each says more."""
    for name in defaults_of(EvaluationArguments):
        if name not in ("dataset_name", "per_device_eval_batch_size"):
            add_image_option(parser, name)


def add_image_option(parser: ArgumentParser, name: str) -> None:
    """Adds one, as it is declared; its range is checked where it is used."""
    [entry] = [each for each in fields(EvaluationArguments) if each.name == name]
    hint, choices = get_type_hints(EvaluationArguments)[name], entry.metadata["choices"]
    [kind] = {*(get_args(hint) or [hint])} - {NoneType}
    shown = {} if choices else {"metavar": "NUMBER" if kind in (int, float) else "NAME"}
    how = {"action": "store_true"} if kind is bool else {"type": kind, "choices": choices, **shown}
    parser.add_argument(f"--{name}", default=entry.default, help=entry.metadata["help"], **how)


def take_images(given: dict[str, Any], dataset_name: str | None, needs: str) -> jobs.EvaluationImages | None:
    """Returns what these options stand for, and takes them out of the given ones; None without a data set.

    Args:
        given: options by name.
        dataset_name: of the data set.
        needs: the option that names it, for the message.

    Raises:
        InputError: if some are given, but no data set.
    """
    chosen = {name: given.pop(name) for name in defaults_of(EvaluationArguments) if name in given}
    if dataset_name is not None:
        return jobs.EvaluationImages(**{**chosen, "dataset_name": dataset_name})
    told = {name: value for name, value in chosen.items() if name not in ("dataset_name", "disable_tqdm")}
    for name, value in told.items():
        if value not in (None, defaults_of(EvaluationArguments)[name]):
            raise InputError(f"--{name} is about images, of which there are none; give {needs}, or leave it out")
    return None


def positive(text: str) -> int:
    """Returns a number of at least 1 that was given on a command line."""
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise ArgumentTypeError(f"it is {text!r}; give a number of at least 1")
    return number
