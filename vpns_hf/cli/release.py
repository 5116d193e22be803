"""Make a planned model and publish it: train, evaluate, publish, add its card. What is done already is not done again."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

from ..hub.cards import PlannedModel, PlannedRelease, check_license
from ..jobs import LICENSE_HELP
from ..utils.options import defaults_of
from ..utils.own_process import run_own
from .hub import CARDS
from .parsing import OneLineParser, parse_arguments
from .script import given_command


def main() -> None:
    """Makes and publishes a planned model as the command line says, or lists those that are left."""
    parser = release_parser()
    given = parser.parse_args()
    if given.plan == (given.name is not None):
        parser.error("give the NAME of a planned model, or --plan")
    planned = PlannedRelease.read(given.cards_dir)
    if given.plan:
        print(_listed(planned, given.cards_dir))
        return
    if given.license is not None:
        check_license(given.license)
    model = planned.find(given.name)
    if model.is_released(given.cards_dir):
        print(f"{model.name} is published, and its card lies in {given.cards_dir / model.name}: nothing is left to do")
        return
    _Release(planned, given.cards_dir, given.public, given.license, given.token).make(model)


def release_parser() -> ArgumentParser:
    """The options of `vpns release`."""
    parser = OneLineParser(description=__doc__)
    add = parser.add_argument
    add("name", nargs="?", metavar="NAME", help="Of a planned model, such as resnet18-c10-70.")
    add(
        "--plan",
        action="store_true",
        help="List the planned models that are left with the command that trains each, and stop.",
    )
    add("--public", action="store_true", help="Let everybody read it; without this option the repository is private.")
    add("--license", metavar="NAME", help=LICENSE_HELP)
    add("--token", metavar="TOKEN", help="With write access; HF_TOKEN or that of `hf auth login` if not given.")
    add(
        "--cards_dir",
        type=Path,
        default=CARDS,
        metavar="DIR",
        help="Folder of the cards and the plan; model_cards if not given.",
    )
    return parser


def _listed(planned: PlannedRelease, cards: Path) -> str:
    lines = [f"{model.name}: {model.command}" for model in planned.models if not model.is_released(cards)]
    left = (
        f"{len(lines)} of {len(planned.models)} planned models are left; `vpns release NAME` makes and publishes one"
    )
    return "\n".join(
        [f"{left}, and takes up what its command has trained:", *lines] if lines else ["No planned model is left"]
    )


@dataclass(frozen=True)
class _Release:
    """What is asked for of a planned model, and done to it step by step."""

    planned: PlannedRelease
    cards: Path
    public: bool
    license: str | None
    token: str | None

    def make(self, model: PlannedModel) -> None:
        """Does what is left to do, and says so.

        Raises:
            InputError: if an option of the model is not allowed, nothing can be published as the owner, or a step fails.
            SystemExit: with the code of the job that trains, which has said why.
        """
        from ..hub import find_models
        from ..hub.publish import check_access
        from ..jobs.resume import is_finished

        inputs, args = parse_arguments(model.arguments)
        check_access(self.planned.owner, self.token)
        if not is_finished(model.run_dir):
            _train(model)
        [saved] = find_models(model.run_dir, model.sparsity)
        if not saved.results.evaluations:
            _evaluate(saved.folder, {**vars(inputs), **vars(args)})
        self._publish(model)
        self._add_card(model)

    def _publish(self, model: PlannedModel) -> None:
        from ..hub.publish import Additions, Destination, plan_repositories, publish_repositories

        name = f"{self.planned.owner}/{model.name}"
        repositories = plan_repositories(model.run_dir, name, model.sparsity, Additions(self.license))
        destination = Destination(name, self.public, collection=self.planned.collection)
        for publication in publish_repositories(repositories, destination, self.token):
            print(publication, flush=True)

    def _add_card(self, model: PlannedModel) -> None:
        from ..hub import find_models
        from ..hub.cards import add_card, write_index

        [saved] = find_models(model.run_dir, model.sparsity)
        print(f"Added {add_card(saved, self.cards, model.name, self.license, f'{self.planned.owner}/{model.name}')}")
        write_index(self.cards)


def _train(model: PlannedModel) -> None:
    """Runs the job, which goes on from its checkpoint if there is one."""
    if code := run_own(["prune", *model.arguments]):
        raise SystemExit(code)


def _evaluate(folder: Path, options: dict[str, object]) -> None:
    """Measures a model on all test images of its data, and writes it into its card."""
    from .. import hub, jobs
    from ..hub.cards import update_card

    known = defaults_of(jobs.EvaluationArguments).keys() - {"max_test_samples"}
    fetched = hub.fetch_model(str(folder), None)
    evaluation = jobs.evaluate_model(
        fetched, jobs.EvaluationImages(**{name: options[name] for name in known & options.keys()})
    )
    print(
        f"{evaluation}\n\nWritten into the card: {update_card(fetched, given_command(), evaluation=evaluation)}",
        flush=True,
    )
