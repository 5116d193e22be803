"""The options of a study, from a command line and a study file."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...jobs import InputArguments, VPNsTrainingArguments
from ...recipes import find_recipe, find_study, read_recipe
from ...studies import OF_THE_STUDY, Cell, Grid, cells_of
from .job_options import JobParser, job_parser, option_meant, recipe_tokens, take_config

DEFAULT = "digits"
GRIDS, SET = "grids", "set"
# Flags of axes by the option that each varies.
AXES = {
    "method": "methods",
    "sparsities": "sparsities",
    "seed": "seeds",
    "granularity": "granularities",
    "model_name_or_path": "models",
    "dataset_name": "datasets",
}
# As in `vpns_hf.studies.engines`, which the help of a command does without.
ENGINE_NAMES = ("local", "ray")
EPILOG = "Any option of `vpns prune` may be given as well, and holds for all cells."


@dataclass(frozen=True)
class AskedStudy:
    """What is asked for.

    Attributes:
        cells: of the study, in the order in which they are numbered.
        output_dir: of the study.
        given: the options of the study itself.
        dry_run: whether to say what would happen, and stop.
    """

    cells: list[Cell]
    output_dir: Path
    given: Namespace
    dry_run: bool


def parse_study(argv: Sequence[str], description: str | None = None) -> AskedStudy:
    """Reads the command line of `vpns sweep`.

    Args:
        argv: what follows the name of the command; the first may be the name of a study, or its file.
        description: shown by --help.

    Raises:
        InputError: if a value, or a combination of them, is not allowed, or a file cannot be read.
        SystemExit: with code 2 if an option is unknown or malformed, 0 after --help.
    """
    name, rest = _take_study(list(argv))
    recipe, rest = take_config(rest)
    _refuse_both(rest)
    parser = study_parser(description)
    study = {} if name is None else _read(find_study(name))
    own = Path(name).stem if name is not None else "own"
    grids = study.pop(GRIDS, [{}])
    study = study if recipe is None else {**study, "config": str(recipe)}
    common = ["--output_dir", f"output/studies/{own}", *_tokens(parser, _left_by(rest, study))]
    asked = [_parsed(parser, [*common, *_tokens(parser, _left_by(rest, grid)), *rest]) for grid in grids]
    first = asked[0]
    cells = cells_of([each.grid(parser) for each in asked], first.given.threads_per_job)
    return AskedStudy(cells, Path(first.options["output_dir"]).expanduser(), first.given, first.options["dry_run"])


@dataclass(frozen=True)
class AskedGrid:
    """One command line of a study, read.

    Attributes:
        tokens: as it was given.
        options: of `vpns prune`, by name.
        given: of the study.
    """

    tokens: list[str]
    options: dict[str, Any]
    given: Namespace

    def grid(self, parser: JobParser) -> Grid:
        """Returns what holds for all cells, and what varies."""
        values = {option: getattr(self.given, flag, None) for option, flag in AXES.items()}
        values["sparsities"] = [[each] for each in self.options["sparsities"] or []]
        axes = {option: chosen for option, chosen in values.items() if chosen}
        for assignment in self.given.set or []:
            name, _, listed = assignment.partition("=")
            self._check_axis(parser, name, listed)
            axes[name] = [
                _parsed(parser, [*self.tokens, f"--{name}", each]).options[name] for each in listed.split(",")
            ]
        options = {name: value for name, value in self.options.items() if name not in (*axes, *OF_THE_STUDY)}
        return Grid({**options, "equal_passes": self._passes()}, axes)

    def _check_axis(self, parser: JobParser, name: str, listed: str) -> None:
        if name not in self.options or name in (*AXES, *OF_THE_STUDY):
            near = option_meant(name, [*self.options])
            meant = f"did you mean {near}?" if near else "write one as NAME=V1,V2"
            raise InputError(f"--set names {name}, which is no option that can vary so; {meant}")
        if parser.lists(name):
            raise InputError(
                f"--set names {name}, which takes several values at once and cannot vary; give it to all cells"
            )
        if not listed:
            raise InputError(f"--set gives no values of {name}; write them as {name}=V1,V2")

    def _passes(self) -> str | None:
        asked = self.options["equal_passes"]
        if self.given.own_passes and asked is not None:
            raise InputError(f"--own_passes leaves each method its own, but equal_passes is {asked}; give one of them")
        return None if self.given.own_passes else asked or "auto"


def study_parser(description: str | None) -> JobParser:
    """Returns the parser of both the options of a study and those that hold for all of its cells."""
    parser = job_parser(description)
    parser.usage, parser.epilog = "%(prog)s [STUDY] [--option VALUE ...]", EPILOG
    group = parser.add_argument_group("study")
    for flag, kind, what in (
        ("methods", str, "Methods to compare."),
        ("seeds", int, "Seeds; every cell of the others is made with each."),
        ("granularities", str, "Granularities to compare."),
        ("models", str, "Models, each as --model_name_or_path takes it."),
        ("datasets", str, "Data sets, each as --dataset_name takes it."),
    ):
        group.add_argument(f"--{flag}", nargs="+", type=kind, metavar="VALUE", help=what)
    group.add_argument(
        "--set",
        nargs="+",
        action="extend",
        metavar="NAME=V1,V2",
        help="Any other option to vary, with its values, such as visual_prompt=none,pad.",
    )
    group.add_argument(
        "--own_passes", action="store_true", help="Leave each method its own passes over the training images."
    )
    engine_help = "Where jobs run: on this machine, or on a cluster of Ray."
    group.add_argument("--engine", choices=ENGINE_NAMES, default=ENGINE_NAMES[0], help=engine_help)
    for flag, kind, what in (
        ("jobs", int, "Jobs at a time, for --engine local; as many as there are GPUs, else 1, if not given."),
        ("address", str, "Cluster, for --engine ray, such as auto; one on this machine if not given."),
        ("cpus_per_job", float, "Processors of a job, for --engine ray; 1 if not given."),
        ("gpus_per_job", float, "GPUs of a job, for --engine ray; 1 where there are any, if not given."),
        ("cell", int, "Make this cell alone, counted from 1 as --dry_run lists them, and write no tables."),
    ):
        group.add_argument(f"--{flag}", type=kind, metavar="VALUE", help=what)
    threads_help = "Threads of each job; they decide on the last bits of its results."
    group.add_argument("--threads_per_job", type=int, default=1, metavar="VALUE", help=threads_help)
    return parser


def _take_study(argv: list[str]) -> tuple[str | None, list[str]]:
    """Returns the study and the other arguments; the default study where no model and no data set is named either."""
    if argv and not argv[0].startswith("-"):
        return argv[0], argv[1:]
    named = ("--config", "--model_name_or_path", "--dataset_name", "--models", "--datasets")
    return (None if any(word.partition("=")[0] in named for word in argv) else DEFAULT), argv


def _read(path: Path) -> dict[str, Any]:
    study = read_recipe(path)
    grids = study.get(GRIDS, [{}])
    if not isinstance(grids, list) or not grids or not all(isinstance(grid, dict) for grid in grids):
        raise InputError(f"{GRIDS} of {path} is no list of axes; write one '- methods: [...]' for each grid")
    return study


def _tokens(parser: JobParser, options: Mapping[str, Any]) -> list[str]:
    """Returns the fields of a study file as tokens of the command line; those of a recipe it names come before."""
    options = dict(options)
    recipe = options.pop("config", None)
    base = {} if recipe is None else read_recipe(find_recipe(recipe))
    base.pop("output_dir", None)
    parser.check_options([*base, *options])
    return [*recipe_tokens(base), *recipe_tokens(_with_axes(parser, options))]


def _with_axes(parser: JobParser, options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of a study file with axes as flags give them; several values where one is due are an axis."""
    for name, value in options.items():
        if parser.lists(name) and isinstance(value, list) and any(isinstance(each, list) for each in value):
            raise InputError(
                f"{name} takes several values at once and cannot vary; give one list of them for all cells"
            )
    several = {name: value for name, value in options.items() if isinstance(value, list) and not parser.lists(name)}
    single = {name: value for name, value in options.items() if name not in (*several, SET)}
    flags = {AXES[name]: values for name, values in several.items() if name in AXES}
    axes = {**_assigned(options), **{name: values for name, values in several.items() if name not in AXES}}
    given = {SET: [f"{name}={','.join(_listed(values))}" for name, values in axes.items()]} if axes else {}
    return {**single, **flags, **given}


def _refuse_both(rest: Sequence[str]) -> None:
    """Raises InputError where the command line gives both one value and an axis of it."""
    given = _flags(rest)
    for option, flag in AXES.items():
        if option != flag and {option, flag} <= given:
            raise InputError(f"--{option} gives one value and --{flag} those of an axis; leave out one of them")


def _flags(words: Sequence[str]) -> set[str]:
    return {word.partition("=")[0].removeprefix("--") for word in words if word.startswith("--")}


def _left_by(rest: Sequence[str], options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of a study file without the axes whose option the command line gives one value."""
    given = _flags(rest)
    fixed = {*given, *(flag for option, flag in AXES.items() if option in given)}
    left = {name: value for name, value in options.items() if name not in (*fixed, SET)}
    return {**left, SET: {name: values for name, values in _assigned(options).items() if name not in given}}


def _assigned(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what `set` of a study file holds."""
    axes = options.get(SET, {})
    if isinstance(axes, list):  # as on the command line
        axes = {name: values.split(",") for name, _, values in (str(each).partition("=") for each in axes)}
    if not isinstance(axes, dict):
        raise InputError(f"{SET} of the study is {axes}; write it as NAME: [V1, V2] for each option")
    return axes


def _listed(values: Any) -> Iterable[str]:
    return map(str, values if isinstance(values, list) else [values])


def _parsed(parser: JobParser, tokens: list[str]) -> AskedGrid:
    tokens = [*_stand_ins(tokens), *tokens]
    inputs, args, given, unknown = parser.parse_args_into_dataclasses(tokens, return_remaining_strings=True)
    if unknown:
        parser.refuse(unknown[0])
    options = {**vars(inputs), **vars(args)}
    _refuse_own(options)
    return AskedGrid(tokens, options, given)


def _stand_ins(tokens: Sequence[str]) -> list[str]:
    """Returns values of options that have to be given, where an axis gives them later."""
    flags = {"--models": "--model_name_or_path", "--datasets": "--dataset_name"}
    return [word for axis, option in flags.items() if axis in tokens for word in (option, "given by the axis")]


def _refuse_own(options: Mapping[str, Any]) -> None:
    """Raises InputError where something is asked for that a study decides on by itself."""
    defaults = {
        entry.name: entry.default for kind in (InputArguments, VPNsTrainingArguments) for entry in fields(kind)
    }
    for name in set(OF_THE_STUDY) - {"output_dir", "dry_run", "disable_tqdm"}:
        if options[name] != defaults[name]:
            raise InputError(f"{name} is {options[name]}, but a study decides on it by itself; leave out --{name}")
