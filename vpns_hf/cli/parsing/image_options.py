"""The options that say which images a saved model is shown; named as for `vpns prune`."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from ... import jobs
from ...data.images import ON_BAD_IMAGE
from ...data.store import CACHING
from ...errors import InputError


def add_image_options(parser: ArgumentParser) -> None:
    """Adds them, but for the name of the data set."""
    add = parser.add_argument
    add("--dataset_config_name", metavar="NAME", help="Configuration of a data set that has several.")
    add("--split", metavar="NAME", help="Split to measure on; the one `vpns prune` tests on if not given.")
    for kind in ("image", "label"):
        add(f"--{kind}_column_name", metavar="NAME", help="Column; found by type and name if not given.")
    add("--max_test_samples", type=positive, metavar="NUMBER", help="Use the first images only.")
    add(
        "--test_fraction",
        type=float,
        metavar="FRACTION",
        help="Measure on what `vpns prune` tests on with the same one.",
    )
    add("--cache_dir", metavar="DIR", help="Folder for decoded images; $VPNS_CACHE or ~/.cache/vpns_hf if not given.")
    add("--cache_images", choices=list(CACHING), default="auto", help="Keep decoded images; no: nor use what is kept.")
    add("--on_bad_image", choices=list(ON_BAD_IMAGE), default="error", help="As for `vpns prune`.")
    add("--disable_tqdm", action="store_true", help="Show no progress bars.")


def take_images(given: dict[str, Any], dataset_name: str | None, needs: str) -> jobs.EvaluationImages | None:
    """Returns what these options stand for, and takes them out of the given ones; None without a data set.

    Args:
        given: options by name.
        dataset_name: of the data set.
        needs: the option that names it, for the message.

    Raises:
        InputError: if some are given, but no data set.
    """
    chosen = {name: given.pop(name) for name in jobs.EvaluationImages.__dataclass_fields__ if name in given}
    if dataset_name is not None:
        return jobs.EvaluationImages(**{**chosen, "dataset_name": dataset_name})
    defaults = vars(jobs.EvaluationImages(""))
    for name, value in chosen.items():
        if value not in (None, defaults[name]) and name != "disable_tqdm":
            raise InputError(f"--{name} is about images, of which there are none; give {needs}, or leave it out")
    return None


def positive(text: str) -> int:
    """Returns a number of at least 1 that was given on a command line."""
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise ArgumentTypeError(f"it is {text!r}; give a number of at least 1")
    return number
