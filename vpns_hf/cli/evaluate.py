"""Measure a saved model: accuracy with and without the prompt, sparsity, size on disk, latency."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace

from .. import hub, jobs
from ..data.catalog import DATASETS
from ..errors import InputError
from .parsing import OneLineParser, add_image_option, add_image_options, positive, take_images
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
    evaluation = None if images is None else jobs.evaluate_model(fetched, images)
    if not is_main_process():
        return
    if evaluation is not None:
        print(evaluation)
    latency = None
    if given.latency:
        latency = jobs.compare_latency(fetched.load(), given.threads or DEFAULT_THREADS)
        print(latency if evaluation is None else f"\n{latency}")
    if given.update_card:
        from ..hub.cards import update_card

        card = update_card(fetched, given_command(), evaluation=evaluation, latency=latency)
        print(f"\nWritten into the card: {card}")


def _check(given: Namespace, images: jobs.EvaluationImages | None) -> None:
    if given.threads is not None and not given.latency:
        raise InputError("--threads is about the latency; give --latency, or leave it out")
    processors = os.cpu_count() or 1
    if (given.threads or DEFAULT_THREADS) > processors:
        raise InputError(f"threads is {given.threads}; give at most {processors}, the number of processors here")
    is_part = images is not None and images.max_test_samples is not None
    if given.update_card and (is_part or given.model_revision is not None):
        raise InputError(
            "--update_card is for all images and the newest version; leave out --max_test_samples and --model_revision"
        )


def evaluate_parser() -> ArgumentParser:
    """The options of `vpns evaluate`; those of the images are named as for `vpns prune`."""
    parser = OneLineParser(description=__doc__)
    add = parser.add_argument
    add(
        "model", metavar="MODEL", help="A pruned model: a Hub id, or a local folder such as output/digits/sparsity-70."
    )
    add("--model_revision", metavar="NAME", help="Branch, tag or commit of a model on the Hub.")
    names = ", ".join(DATASETS)
    add("--dataset_name", metavar="NAME", help=f"A Hub id, a local folder, or one of {names}.")
    add_image_options(parser)
    add_image_option(parser, "per_device_eval_batch_size")
    add("--update_card", action="store_true", help="Write what was measured into the card, there or on the Hub.")
    add(
        "--latency",
        action="store_true",
        help="Time the model on this CPU in PyTorch and, where they are installed, ONNX Runtime and MNN, beside the dense network; "
        "without the prompt, and without images if no --dataset_name is given.",
    )
    add(
        "--threads",
        type=positive,
        metavar="NUMBER",
        help=f"For --latency, one per processor at most; {DEFAULT_THREADS} if not given.",
    )
    return parser
