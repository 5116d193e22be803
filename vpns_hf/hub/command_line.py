"""The command lines of publishing and browsing."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import NoReturn

from .refusals import without_tokens


class OneLineParser(ArgumentParser):
    """Says what is wrong in one line without any token in it, and exits with code 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {without_tokens(message)}; see --help\n")


def push_parser(description: str) -> ArgumentParser:
    """The options of `scripts/push_to_hub.py`."""
    parser = OneLineParser(description=description, allow_abbrev=False)
    add = parser.add_argument
    add("run_dir", metavar="RUN_DIR", help="The output_dir of a run, or one of the model folders in it.")
    add(
        "--hub_model_id",
        metavar="ID",
        required=True,
        help="owner/name. For several models with {sparsity}, {arch}, {dataset}, {method}, {granularity} or {seed} in it, "
        "such as vpns/{arch}-{dataset}-{sparsity}.",
    )
    add(
        "--sparsity",
        type=float,
        metavar="VALUE",
        help="The model to choose, by its requested sparsity; all if not given.",
    )
    add("--public", action="store_true", help="Let everybody read it; without this option a repository is private.")
    add(
        "--collection",
        metavar="NAME",
        help="Title or slug of a collection to join; made if there is none of that title.",
    )
    add("--tag", metavar="NAME", help="Tag of the commit; the next of v1, v2, ... if not given.")
    add("--token", metavar="TOKEN", help="With write access; HF_TOKEN or that of `hf auth login` if not given.")
    add("--dry_run", action="store_true", help="List the files and their sizes, and stop.")
    return parser


def list_parser() -> ArgumentParser:
    """The options of `python -m vpns_hf.hub`."""
    parser = OneLineParser(prog="python -m vpns_hf.hub", description="Browse published checkpoints.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="A table of checkpoints.", allow_abbrev=False)
    add = listing.add_argument
    add("--arch", metavar="NAME", help="Network, such as resnet18.")
    add("--dataset", metavar="NAME", help="Data set, such as cifar100 or a Hub id.")
    add("--min_accuracy", type=float, metavar="VALUE", help="Least top-1 accuracy, from 0 to 1.")
    add("--author", metavar="NAME", help="User or organisation on the Hub.")
    add("--local", type=Path, metavar="DIR", help="List the model folders below this one, and ask nothing of the Hub.")
    return parser
