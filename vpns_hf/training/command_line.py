"""The command line: dataclasses become options, a YAML recipe fills in what is not given."""

from __future__ import annotations

from argparse import SUPPRESS, Action, HelpFormatter
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from transformers import HfArgumentParser

from vpns_hf.backbones import BACKBONES
from vpns_hf.data import DATASETS
from vpns_hf.errors import InputError
from vpns_hf.hub.command_line import LICENSE_HELP
from vpns_hf.one_line_parser import OneLineErrors

from .arguments import VPNsTrainingArguments

NOT_GIVEN = ("", "null", "~")
WITHOUT_EFFECT = ("dry_run", "push_to_hub", "hub_model_id", "public", "collection", "license")  # on the results
RECIPE = "that of the recipe if not given."


@dataclass
class InputArguments:
    """What is pruned, on which images, and where the result is published."""

    model_name_or_path: str = field(
        metadata={
            "help": "Image classifier: a Hub id, a local folder, a file of weights, or one of "
            f"{', '.join(BACKBONES)}; {RECIPE}"
        }
    )
    dataset_name: str = field(
        metadata={"help": f"Images with labels: a Hub id, a local folder, or one of {', '.join(DATASETS)}; {RECIPE}"}
    )
    dataset_config_name: str | None = field(
        default=None, metadata={"help": "Configuration of a data set that has several."}
    )
    model_revision: str | None = field(default=None, metadata={"help": "Branch, tag or commit of the model."})
    image_column_name: str | None = field(
        default=None, metadata={"help": "Column of the images; found by type and name if not given."}
    )
    label_column_name: str | None = field(
        default=None, metadata={"help": "Column of the labels; found by type and name if not given."}
    )
    streaming: bool = field(
        default=False,
        metadata={
            "help": "Read the images from files or Hub whenever they are needed, and keep nothing on disk; labels are "
            "read once at the start."
        },
    )
    dry_run: bool = field(default=False, metadata={"help": "Say what would happen and stop."})
    push_to_hub: bool = field(
        default=False,
        metadata={"help": "Publish the models at the end, with the token of HF_TOKEN or `hf auth login`."},
    )
    hub_model_id: str | None = field(
        default=None,
        metadata={
            "help": "Repository for push_to_hub: owner/name, for several sparsities with {sparsity} in it, such as "
            "vpns/{arch}-{dataset}-{sparsity}."
        },
    )
    public: bool = field(
        default=False, metadata={"help": "Let everybody read what is published; without this only its owner may."}
    )
    collection: str | None = field(
        default=None, metadata={"help": "Title or slug of a collection that what is published joins."}
    )
    license: str | None = field(default=None, metadata={"help": LICENSE_HELP})

    @property
    def recipe(self) -> dict[str, Any]:
        """The options that have a part in the results."""
        return {name: value for name, value in vars(self).items() if name not in WITHOUT_EFFECT}


class PlainHelp(HelpFormatter):
    """Adds each default that says something, written as it would be given."""

    def _get_help_string(self, action: Action) -> str:
        default = action.default
        if default in (None, SUPPRESS) or action.required or action.nargs == 0:
            return action.help
        written = " ".join(f"{item:g}" for item in default) if isinstance(default, list) else str(default)
        return f"{action.help} (default: {written})"


class JobParser(OneLineErrors, HfArgumentParser):
    """The options of a job; its help shows every option once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(
            *args, formatter_class=PlainHelp, usage="%(prog)s [--config RECIPE] [--option VALUE ...]", **kwargs
        )
        for action in self._actions:
            # What is understood stays as it was: the parser looks options up in a table of its own.
            action.option_strings = [option for option in action.option_strings if "-" not in option.lstrip("-")]
            if action.const is False:
                action.help = f"The same as --{action.dest} false."
            elif action.nargs != 0:
                action.metavar = "true|false" if action.nargs == "?" else "VALUE"

    def check_options(self, names: Iterable[str]) -> None:
        """Exits if the fields of a recipe are not options; it speaks of those before options that are missing."""
        options = {action.dest for action in self._actions} - {"help", "config"}
        known = {option.lstrip("-") for option in self._option_string_actions} - {"help", "h", "config"}
        for name in names:
            if name not in known:
                near = get_close_matches(name.replace("-", "_"), options, n=1)
                self.error(f"the recipe holds {name}, which is no option{f'; did you mean {near[0]}' if near else ''}")


def parse_arguments(
    argv: Sequence[str], default_recipe: Path, description: str
) -> tuple[InputArguments, VPNsTrainingArguments]:
    """Reads the command line of `scripts/prune.py`.

    Args:
        argv: what follows the name of the script.
        default_recipe: used when neither a recipe, a model nor a data set is named.
        description: shown by --help.

    Raises:
        InputError: if a value is not allowed, or the recipe cannot be read.
        SystemExit: with code 2 if an option is unknown or malformed, 0 after --help.
    """
    parser = JobParser((InputArguments, VPNsTrainingArguments), description=description, allow_abbrev=False)
    config_help = f"YAML recipe with any of these options; {default_recipe.name} if no model and no data set is named."
    parser.add_argument("--config", metavar="RECIPE", help=config_help)
    recipe, rest = _take_config(list(argv))
    named = any(_option(arg) in ("model_name_or_path", "dataset_name") for arg in rest)
    if recipe is None and not named and "--help" not in rest and "-h" not in rest:
        recipe = default_recipe
    fields = read_recipe(recipe) if recipe is not None else {}
    parser.check_options(fields)
    tokens = recipe_tokens(fields)
    inputs, args, _, unknown = parser.parse_args_into_dataclasses([*tokens, *rest], return_remaining_strings=True)
    if unknown:
        parser.error(f"unknown argument {unknown[0]}")
    return inputs, args


def recipe_tokens(fields: Mapping[str, Any]) -> list[str]:
    """Returns the fields of a recipe as command-line tokens, so that both are checked alike."""
    given = {name: value for name, value in fields.items() if value not in NOT_GIVEN}
    return [token for name, value in given.items() for token in (f"--{name}", *_tokens(value))]


def read_recipe(path: Path) -> dict[str, Any]:
    """Returns the fields of a YAML recipe, each value as it is written.

    Raises:
        InputError: if the file cannot be read, does not hold a mapping of options, or names an option twice.
    """
    try:
        # The base loader keeps every value as it is written: `no` is a precision, not False.
        text = path.read_text(encoding="utf-8")
        recipe = yaml.load(text, Loader=yaml.BaseLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"the recipe {path} cannot be read ({reason}); give a YAML file of options") from error
    if not isinstance(recipe, dict):
        raise InputError(f"the recipe {path} holds no options; write one 'name: value' per line")
    names = Counter(key.value for key, _ in yaml.compose(text, Loader=yaml.BaseLoader).value)
    if repeated := [name for name, count in names.items() if count > 1]:  # YAML would take the last without a word
        raise InputError(f"the recipe {path} holds {repeated[0]} more than once; leave one line of it")
    return recipe


def _tokens(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _option(token: str) -> str:
    return token.partition("=")[0].lstrip("-").replace("-", "_")


def _take_config(argv: list[str]) -> tuple[Path | None, list[str]]:
    path, rest, tokens = None, [], iter(argv)
    for token in tokens:
        if token == "--config":
            path = _recipe_path(next(tokens, ""))
        elif token.startswith("--config="):
            path = _recipe_path(token.partition("=")[2])
        else:
            rest.append(token)
    return path, rest


def _recipe_path(given: str) -> Path:
    if not given or given.startswith("-"):
        raise InputError("--config names no file; give a YAML recipe, such as scripts/recipes/digits.yaml")
    return Path(given)
