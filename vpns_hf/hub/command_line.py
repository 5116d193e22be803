"""The command lines of publishing, evaluating and browsing."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path

from vpns_hf.data import DATASETS
from vpns_hf.data.bad_images import ON_BAD_IMAGE
from vpns_hf.data.disk_space import CACHING
from vpns_hf.one_line_parser import OneLineParser

LICENSE_HELP = "Licence of what is published, as the Hub names it, such as apache-2.0; that of the card if not given."


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
    add("--license", metavar="NAME", help=LICENSE_HELP)
    add(
        "--seeds",
        nargs="+",
        default=[],
        metavar="RUN_DIR",
        help="Runs of the same job with other seeds; the cards then tell mean and spread.",
    )
    add("--tag", metavar="NAME", help="Tag of the commit; the next of v1, v2, ... if not given.")
    add("--token", metavar="TOKEN", help="With write access; HF_TOKEN or that of `hf auth login` if not given.")
    add("--dry_run", action="store_true", help="List the files and their sizes, and stop.")
    return parser


def evaluate_parser(description: str) -> ArgumentParser:
    """The options of `scripts/evaluate.py`; those of the images are named as for `scripts/prune.py`."""
    parser = OneLineParser(description=description, allow_abbrev=False)
    add = parser.add_argument
    add(
        "model", metavar="MODEL", help="A pruned model: a Hub id, or a local folder such as output/digits/sparsity-70."
    )
    add("--model_revision", metavar="NAME", help="Branch, tag or commit of a model on the Hub.")
    names = ", ".join(DATASETS)
    add("--dataset_name", required=True, metavar="NAME", help=f"A Hub id, a local folder, or one of {names}.")
    add("--dataset_config_name", metavar="NAME", help="Configuration of a data set that has several.")
    add("--split", metavar="NAME", help="Split to measure on; the one scripts/prune.py tests on if not given.")
    for kind in ("image", "label"):
        add(f"--{kind}_column_name", metavar="NAME", help="Column; found by type and name if not given.")
    add("--max_test_samples", type=_positive, metavar="NUMBER", help="Use the first images only.")
    add("--per_device_eval_batch_size", type=_positive, default=256, metavar="NUMBER", help="Images per batch.")
    add("--cache_dir", metavar="DIR", help="Folder for decoded images; $VPNS_CACHE or ~/.cache/vpns_hf if not given.")
    add("--cache_images", choices=list(CACHING), default="auto", help="Keep decoded images; no: nor use what is kept.")
    add("--on_bad_image", choices=list(ON_BAD_IMAGE), default="error", help="Stop at, or leave out, what is no image.")
    add("--disable_tqdm", action="store_true", help="Show no progress bars.")
    add("--update_card", action="store_true", help="Write what was measured into the card, there or on the Hub.")
    return parser


def cards_parser(description: str, cards_dir: Path) -> ArgumentParser:
    """The options of `scripts/model_cards.py`.

    Args:
        description: shown by --help.
        cards_dir: the folder of cards, if none is given.
    """
    parser = OneLineParser(description=description, allow_abbrev=False)
    add = parser.add_argument
    add("--add", metavar="MODEL_DIR", help="Model folder of a run, such as output/digits/sparsity-70; needs --name.")
    add("--name", metavar="NAME", help="Its folder among the cards; for a planned checkpoint the name in the index.")
    add("--license", metavar="NAME", help=LICENSE_HELP)
    add("--cards_dir", type=Path, default=cards_dir, metavar="DIR", help="Folder of the cards, if it is another one.")
    return parser


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise ArgumentTypeError(f"it is {text!r}; give a number of at least 1")
    return number


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
