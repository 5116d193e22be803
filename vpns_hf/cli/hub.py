"""Publishing, listing and describing models: the commands `push`, `list` and `cards`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from ..errors import InputError
from ..jobs import LICENSE_HELP
from .parsing import OneLineParser

CARDS = Path("model_cards")


def push() -> None:
    """Publishes the models of a run as the command line says."""
    given = push_parser().parse_args()
    from ..hub.publish import Additions, Destination, plan_repositories, publish_repositories

    additions = Additions(given.license, given.seeds, given.with_examples)
    repositories = plan_repositories(given.run_dir, given.hub_model_id, given.sparsity, additions)
    if given.dry_run:
        print("\n\n".join(map(str, repositories)))
        return
    destination = Destination(given.hub_model_id, given.public, given.tag, given.collection)
    for publication in publish_repositories(repositories, destination, given.token):
        print(publication, flush=True)


def list_models() -> None:
    """Prints a table of published models."""
    given = list_parser().parse_args()
    from ..hub import Wanted, models_in_folder, models_on_hub, models_table

    wanted = Wanted(given.arch, given.dataset, given.min_accuracy)
    models = models_on_hub(given.author) if given.local is None else models_in_folder(given.local)
    print(models_table(map(wanted.seen, filter(wanted.admits, models))))


def cards() -> None:
    """Writes the index of a folder of cards anew, after adding the card of a model if one is given."""
    given = cards_parser().parse_args()
    from ..hub import find_models
    from ..hub.cards import add_card, write_index

    if given.add is not None:
        models = find_models(given.add)
        if len(models) > 1 or given.name is None:
            raise InputError(
                f"--add is {given.add}; give one model folder, such as {models[0].folder}, and its --name"
            )
        print(f"Added {add_card(models[0], given.cards_dir, given.name, given.license)}")
    write_index(given.cards_dir)
    print(f"Written: {given.cards_dir / 'README.md'}")


def push_parser() -> ArgumentParser:
    """The options of `vpns push`."""
    parser = OneLineParser(
        description="Publish the models of a run on the Hub: weights, configuration, code, image processor, card, plots and results.",
    )
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
    add(
        "--with_examples",
        action="store_true",
        help="Publish the few test images beside the models too, to try these on; see to it that you may.",
    )
    add("--tag", metavar="NAME", help="Tag of the commit; the next of v1, v2, ... if not given.")
    add("--token", metavar="TOKEN", help="With write access; HF_TOKEN or that of `hf auth login` if not given.")
    add("--dry_run", action="store_true", help="List the files and their sizes, and stop.")
    return parser


def list_parser() -> ArgumentParser:
    """The options of `vpns list`."""
    parser = OneLineParser(description="A table of published models.")
    add = parser.add_argument
    add("--arch", metavar="NAME", help="Network, such as resnet18.")
    add("--dataset", metavar="NAME", help="Data set, such as cifar100 or a Hub id.")
    add("--min_accuracy", type=float, metavar="VALUE", help="Least top-1 accuracy, from 0 to 1.")
    add("--author", metavar="NAME", help="User or organisation on the Hub.")
    add("--local", type=Path, metavar="DIR", help="List the model folders below this one, and ask nothing of the Hub.")
    return parser


def cards_parser() -> ArgumentParser:
    """The options of `vpns cards`."""
    parser = OneLineParser(
        description="Write the index of model_cards/ anew, after adding the card of a model if one is given.",
    )
    add = parser.add_argument
    add("--add", metavar="MODEL_DIR", help="Model folder of a run, such as output/digits/sparsity-70; needs --name.")
    add("--name", metavar="NAME", help="Its folder among the cards; for a planned model the name in the index.")
    add("--license", metavar="NAME", help=LICENSE_HELP)
    add("--cards_dir", type=Path, default=CARDS, metavar="DIR", help="Folder of the cards; model_cards if not given.")
    return parser
