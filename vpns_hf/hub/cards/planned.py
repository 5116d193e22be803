"""The models that are planned to be published, as planned.yaml beside their cards lists them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from ...errors import InputError
from ...utils.text import one_line
from ..naming import check_repo_id
from .model_card import CARD

FILE = "planned.yaml"
RUNS = Path("output")
SHAPE = "give `owner: NAME`, `collection: TITLE`, and `models:` with a line `NAME: {sparsities: NUMBER, ...}` of options of vpns prune"


@dataclass(frozen=True)
class PlannedModel:
    """A model that one command makes.

    Attributes:
        name: of its repository, without the owner, of its folder below `output` and of its card.
        options: of `vpns prune`, with the one sparsity.
    """

    name: str
    options: Mapping[str, Any]

    @property
    def sparsity(self) -> float:
        """That is asked for, in [0, 1)."""
        return self.options["sparsities"]

    @property
    def run_dir(self) -> Path:
        """The output folder of its job."""
        return RUNS / self.name

    @property
    def arguments(self) -> list[str]:
        """Those of the `vpns prune` that makes it."""
        words = [word for name, value in self.options.items() for word in (f"--{name}", _written(value))]
        return [*words, "--output_dir", self.run_dir.as_posix()]

    @property
    def command(self) -> str:
        """The command line that makes it, to be given in the folder of this project."""
        return shlex.join(["accelerate", "launch", "scripts/prune.py", *self.arguments])

    def is_released(self, cards: Path) -> bool:
        """Returns whether its card is there, which is added once it is published."""
        return (cards / self.name / CARD).is_file()


@dataclass(frozen=True)
class PlannedRelease:
    """Models that belong together.

    Attributes:
        owner: of their repositories.
        models: in order.
        collection: title or slug of the one they join; None for none.
    """

    owner: str
    models: tuple[PlannedModel, ...]
    collection: str | None = None

    @classmethod
    def read(cls, cards: Path) -> PlannedRelease:
        """Returns what planned.yaml in a folder of cards says.

        Raises:
            InputError: if there is none, it cannot be read, or it says something else.
        """
        path = cards / FILE
        try:
            told = yaml.safe_load(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise InputError(f"there is no {path}; run it in a clone of the project, or give --cards_dir") from error
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise InputError(f"{path} cannot be read ({one_line(error)}); {SHAPE}") from error
        if not _is_of_shape(told):
            raise InputError(f"{path} is no list of planned models; {SHAPE}")
        for name in told["models"]:
            check_repo_id(f"{told['owner']}/{name}")
        models = tuple(PlannedModel(name, options) for name, options in told["models"].items())
        return cls(told["owner"], models, told.get("collection"))

    @classmethod
    def there(cls, cards: Path) -> PlannedRelease | None:
        """Returns the same; None if there is no planned.yaml."""
        return cls.read(cards) if (cards / FILE).exists() else None

    def find(self, name: str) -> PlannedModel:
        """Returns the model of that name.

        Raises:
            InputError: if none is called so.
        """
        names = [model.name for model in self.models]
        if name not in names:
            near = get_close_matches(name, names, n=1)
            meant = f"did you mean {near[0]}" if near else f"give one of {', '.join(names)}"
            raise InputError(f"no planned model is called {name}; {meant}")
        return self.models[names.index(name)]


def _is_of_shape(told: Any) -> bool:
    if not isinstance(told, dict) or not told.keys() <= {"owner", "collection", "models"}:
        return False
    models, words = told.get("models"), (told.get("owner"), told.get("collection", ""))
    if not isinstance(models, dict) or not all(isinstance(word, str) for word in (*words, *models)):
        return False
    return all(isinstance(options, dict) and _is_sparsity(options.get("sparsities")) for options in models.values())


def _is_sparsity(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value < 1


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
