"""Fine-tune subnetworks that were found on some data sets on others, beside what is found there."""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..recipes import read_recipe
from ..utils.options import given_options
from .parsing import JobParser, job_parser, recipe_tokens, take_config

if TYPE_CHECKING:
    from ..studies.transfer import TransferJob

STAND_IN = "given by --sources and --targets"
EPILOG = "Any other option of `vpns prune` may be given as well, and holds for all jobs."


@dataclass(frozen=True)
class Asked:
    """What is asked for.

    Attributes:
        options: of all jobs, by name, as far as they decide on results or are not at their defaults.
        given: those of the transfer itself.
        output_dir: of it.
        dry_run: whether to list the jobs, and stop.
    """

    options: dict[str, Any]
    given: Namespace
    output_dir: Path
    dry_run: bool


def main() -> None:
    """Runs the jobs that are not finished yet, and writes table and heat map."""
    asked = parse_transfer(sys.argv[1:])
    # What needs `datasets` is imported now, so that the help comes without it.
    from ..studies import Transfer
    from ..utils.own_process import run_own

    logging.getLogger("vpns_hf.studies").setLevel(logging.INFO)
    start = {"init_weights": asked.given.weights, "init_prompt": asked.given.with_prompt}
    options = _with_dense_head(asked.options)
    transfer = Transfer(asked.given.sources, asked.given.targets, options, start, asked.output_dir)
    transfer.check_folder()
    transfer.check_data()
    if asked.dry_run:
        print(transfer.plan())
        return
    failed = transfer.run(run_own)
    matrix = transfer.matrix()
    matrix.write(asked.output_dir)
    print(f"{matrix}\n\nTables, heat map and jobs: {asked.output_dir}")
    if failed:
        waiting = transfer.waiting_for(failed)
        told = f" (not started, as they wait for it: {_names(waiting)})" if waiting else ""
        print(f"Failed: {_names(failed)}{told}; repeat the command to try again", file=sys.stderr)
        sys.exit(1)


def _names(jobs: Sequence[TransferJob]) -> str:
    return ", ".join(job.name for job in jobs)


def parse_transfer(argv: Sequence[str]) -> Asked:
    """Reads the command line of `vpns transfer`.

    Raises:
        InputError: if a value is not allowed, or a recipe cannot be read.
        SystemExit: with code 2 if an option is unknown or malformed, 0 after --help.
    """
    parser = transfer_parser()
    recipe, rest = take_config(list(argv))
    told = {} if recipe is None else read_recipe(recipe)
    parser.check_options(told)
    if not {"sources", "targets"} & told.keys():  # a recipe of one job, whose data set and folder give way
        told = {name: value for name, value in told.items() if name not in ("dataset_name", "output_dir")}
    defaults = ["--dataset_name", STAND_IN, "--output_dir", "output/transfer", "--equal_passes", "auto"]
    inputs, args, given, unknown = parser.parse_args_into_dataclasses(
        [*defaults, *recipe_tokens(told), *rest], return_remaining_strings=True
    )
    if unknown:
        parser.refuse(unknown[0])
    from ..jobs import InputArguments, VPNsTrainingArguments

    inputs, args = InputArguments(**vars(inputs)), VPNsTrainingArguments(**vars(args))
    _check({**vars(inputs), **vars(args)}, given)
    left_out = {"dataset_name", "output_dir", "dry_run", "dense_reference"}
    options = {**given_options(inputs), **given_options(args), "method": args.method, "sparsities": args.sparsities}
    kept = {name: value for name, value in options.items() if name not in left_out}
    return Asked(kept, given, Path(args.output_dir).expanduser(), inputs.dry_run)


def transfer_parser() -> JobParser:
    """Returns the parser of the options of a transfer and of those that hold for all of its jobs."""
    parser = job_parser(__doc__)
    parser.usage, parser.epilog = "%(prog)s --sources DATASET ... --targets DATASET ... [--option VALUE ...]", EPILOG
    group = parser.add_argument_group("transfer")
    add = group.add_argument
    add("--sources", nargs="+", metavar="DATASET", required=True, help="Data sets that subnetworks are found on.")
    add(
        "--targets",
        nargs="+",
        metavar="DATASET",
        required=True,
        help="Data sets that they are fine-tuned and tested on.",
    )
    weights_help = (
        "Weights that a subnetwork is fine-tuned from: those of the dense network, or those it has where it was found."
    )
    add("--weights", choices=("dense", "pruned"), default="dense", help=weights_help)
    add("--with_prompt", action="store_true", help="Take along the visual prompt as well.")
    return parser


def _check(options: Mapping[str, Any], given: Namespace) -> None:
    """Raises InputError if options do not go with a transfer."""
    if options["dataset_name"] != STAND_IN:
        raise InputError("--dataset_name is one of many here; give --sources and --targets in its place")
    if len(options["sparsities"]) != 1:
        raise InputError(f"sparsities is {options['sparsities']}; a transfer is at one sparsity: give one")
    if options["granularity"] != "weight":
        raise InputError(
            f"granularity is {options['granularity']}; a transfer is of single weights, which a random mask can have as many of"
        )
    if options["distill_alpha"]:
        raise InputError(
            f"distill_alpha is {options['distill_alpha']}, but no job of a transfer has a dense reference to learn from; leave it out"
        )
    for name in ("init_mask", "like", "push_to_hub"):
        if options[name]:
            raise InputError(f"{name} is {options[name]}, but a transfer decides on it by itself; leave out --{name}")


def _with_dense_head(options: dict[str, Any]) -> dict[str, Any]:
    """Returns options by which the classifier stays dense: rows that a source does not read would be gone on a target."""
    if "exclude" in options:
        return options
    from ..backbones import load_backbone
    from ..models import head_names

    backbone = load_backbone(options["model_name_or_path"], revision=options.get("model_revision"))
    return {**options, "exclude": head_names(backbone.model)}
