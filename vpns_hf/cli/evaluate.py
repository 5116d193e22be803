"""Measure a saved model: accuracy with and without the prompt, sparsity, size on disk, latency."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .. import hub, jobs
from ..data.catalog import DATASETS
from ..errors import InputError
from .image_options import add_image_options, positive, take_images
from .parser import OneLineParser
from .script import given_command, is_main_process

DEFAULT_THREADS = 1


def main() -> None:
    """Measures a model as the command line says."""
    parser = evaluate_parser()
    given = parser.parse_args()
    if given.dataset_name is None and not given.latency:
        parser.error("the following arguments are required: --dataset_name, or --latency")
    images = take_images(vars(given), given.dataset_name, "--dataset_name")
    _check(given, images)
    fetched = hub.fetch_model(given.model, given.model_revision)
    if images is not None:
        _measure(fetched, images, given.update_card)
    if given.latency and is_main_process():
        before = "" if images is None else "\n"
        print(f"{before}{jobs.compare_latency(fetched.load(), given.threads or DEFAULT_THREADS)}")


def _check(given: Namespace, images: jobs.EvaluationImages | None) -> None:
    if given.threads is not None and not given.latency:
        raise InputError("--threads is about the latency; give --latency, or leave it out")
    if not given.update_card:
        return
    if images is None:
        raise InputError("--update_card is for what is measured on images; give --dataset_name, or leave it out")
    if images.max_test_samples is not None or given.model_revision is not None:
        raise InputError(
            "--update_card is for all images and the newest version; leave out --max_test_samples and --model_revision"
        )


def _measure(fetched: hub.FetchedModel, images: jobs.EvaluationImages, updates_card: bool) -> None:
    from ..hub.cards import update_card

    evaluation = jobs.evaluate_model(fetched, images)
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
    add("--dataset_name", metavar="NAME", help=f"A Hub id, a local folder, or one of {names}.")
    add_image_options(parser)
    add("--per_device_eval_batch_size", type=positive, default=256, metavar="NUMBER", help="Images per batch.")
    add("--update_card", action="store_true", help="Write what was measured into the card, there or on the Hub.")
    add(
        "--latency",
        action="store_true",
        help="Time the model on this CPU in PyTorch and, where it is installed, ONNX Runtime, beside the dense network; "
        "without the prompt, and without images if no --dataset_name is given.",
    )
    add("--threads", type=positive, metavar="NUMBER", help=f"For --latency; {DEFAULT_THREADS} if not given.")
    return parser
