"""Random: a seeded mask, then fine-tuning: what every criterion has to beat."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..models import VPNsForImageClassification
from ..pruning import LikeAnother, Pruner
from ..pruning.criteria import random
from ..training import Stage
from ..utils.options import Part, option
from .options import StageOptions, Task
from .parts import fit_mapping, pruner_of, ranking, tuned
from .stages import Prune


@dataclass
class RandomOptions:
    """Of the random method alone."""

    like: str | None = option(
        None,
        "Folder of a pruned model whose number of weights in each layer a random mask keeps, to tell the layers chosen "
        "from the weights chosen within them.",
        part=Part.SOURCE,
    )


def random_stages(options: StageOptions, task: Task) -> list[Stage]:
    """Returns the stages: fit the label mapping, prune at random, fine-tune."""
    prune = Prune(ranking(options, random), _pruner(options), [task.sparsity], seed=options.seed)
    return tuned(options, [fit_mapping(options, task), prune])


def unused_by_random(options: RandomOptions) -> list[str]:
    """Returns the names of options that another network takes the place of."""
    return ["scope", "exclude"] if options.like else []


def contents_of_random(options: RandomOptions) -> dict[str, str]:
    """Returns a digest of the numbers of weights that another network keeps."""
    if options.like is None:
        return {}
    return {"like": hashlib.sha256(json.dumps(_kept_in(options.like)).encode()).hexdigest()[:12]}


def _pruner(options: StageOptions) -> Pruner:
    if options.like is None:
        return pruner_of(options)
    if options.granularity != "weight":
        raise InputError(
            f"granularity is {options.granularity}, but --like keeps numbers of single weights; give --granularity weight"
        )
    return Pruner(budget=LikeAnother(_kept_in(options.like)))


def _kept_in(like: str) -> dict[str, tuple[int, int]]:
    """Returns {layer name: how many of how many weights are kept} of a saved model."""
    folder = Path(like).expanduser()
    if not (folder / "config.json").is_file():
        raise InputError(f"like is {like}, which is no model folder; give one such as output/digits/sparsity-90")
    try:
        masks = VPNsForImageClassification.from_pretrained(folder).masks()
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"like is {like}, which cannot be loaded ({reason}); give a pruned model") from error
    return {name: (int(mask.sum()), mask.numel()) for name, mask in masks.items()}
