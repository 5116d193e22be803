"""Measure a saved model: accuracy with and without the prompt, sparsity, size on disk, latency."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError

from ..data.catalog import DATASETS
from ..data.images import ON_BAD_IMAGE
from ..data.store import CACHING
from ..errors import InputError
from .parser import OneLineParser
from .script import given_command, is_main_process


def main() -> None:
    """Measures a model as the command line says."""
    given = vars(evaluate_parser().parse_args())
    # What needs `datasets` is imported now, so that the help comes without it.
    from ..hub import fetch_model
    from ..hub.cards import update_card
    from ..jobs import EvaluationImages, evaluate_model

    model, revision, updates_card = (given.pop(name) for name in ("model", "model_revision", "update_card"))
    images = EvaluationImages(**given)
    if updates_card and (images.max_test_samples is not None or revision is not None):
        raise InputError(
            "--update_card is for all images and the newest version; leave out --max_test_samples and --model_revision"
        )
    fetched = fetch_model(model, revision)
    evaluation = evaluate_model(fetched, images)
    if is_main_process():
        print(evaluation)
        if updates_card:
            print(f"\nWritten into the card: {update_card(fetched, evaluation, given_command())}")


def evaluate_parser() -> ArgumentParser:
    """The options of `vpns evaluate`; those of the images are named as for `vpns prune`."""
    parser = OneLineParser(description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add(
        "model", metavar="MODEL", help="A pruned model: a Hub id, or a local folder such as output/digits/sparsity-70."
    )
    add("--model_revision", metavar="NAME", help="Branch, tag or commit of a model on the Hub.")
    names = ", ".join(DATASETS)
    add("--dataset_name", required=True, metavar="NAME", help=f"A Hub id, a local folder, or one of {names}.")
    add("--dataset_config_name", metavar="NAME", help="Configuration of a data set that has several.")
    add("--split", metavar="NAME", help="Split to measure on; the one `vpns prune` tests on if not given.")
    for kind in ("image", "label"):
        add(f"--{kind}_column_name", metavar="NAME", help="Column; found by type and name if not given.")
    add("--max_test_samples", type=_positive, metavar="NUMBER", help="Use the first images only.")
    add(
        "--test_fraction",
        type=float,
        metavar="FRACTION",
        help="Measure on what `vpns prune` tests on with the same one; that of the model's job if not given.",
    )
    add("--per_device_eval_batch_size", type=_positive, default=256, metavar="NUMBER", help="Images per batch.")
    add("--cache_dir", metavar="DIR", help="Folder for decoded images; $VPNS_CACHE or ~/.cache/vpns_hf if not given.")
    add("--cache_images", choices=list(CACHING), default="auto", help="Keep decoded images; no: nor use what is kept.")
    add("--on_bad_image", choices=list(ON_BAD_IMAGE), default="error", help="As for `vpns prune`.")
    add("--disable_tqdm", action="store_true", help="Show no progress bars.")
    add("--update_card", action="store_true", help="Write what was measured into the card, there or on the Hub.")
    return parser


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise ArgumentTypeError(f"it is {text!r}; give a number of at least 1")
    return number
