"""IMP: rounds of training, pruning by magnitude and rewinding to an early state.

Source: Frankle and Carbin, "The Lottery Ticket Hypothesis", arXiv 1803.03635; Chen et al., arXiv 2012.06908, for
pre-trained networks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import InputError
from ..pruning import Granularity, geometric
from ..pruning.criteria import magnitude
from ..training import Stage
from ..utils.options import COUNT_OR_NONE, option
from .options import StageOptions, Task
from .parts import fit_mapping, pruner_of, ranking, tuned
from .stages import Prune, Rewind, TrainRound, tuning_optimizer

KEPT_PER_ROUND = 0.8  # as in the paper


@dataclass
class ImpOptions:
    """Of IMP alone."""

    imp_rewind_step: int = option(
        0,
        "Iterations of the first round after which the state is taken that later rounds begin from.",
        range=COUNT_OR_NONE,
    )


def imp_stages(options: StageOptions, task: Task) -> list[Stage]:
    """Returns the stages: fit the label mapping, the rounds, fine-tune.

    Raises:
        InputError: if the granularity leaves no room for rounds, or equal passes leave too few.
    """
    if Granularity.named(options.granularity).pattern is not None:
        raise InputError(
            f"granularity {options.granularity} is one sparsity, but imp comes to one in rounds; choose another method"
        )
    rounds = task.ahead(geometric(task.sparsity, rounds_to(task.sparsity)))
    epochs, optimizer = _epochs(options, len(rounds)), tuning_optimizer(options)
    before: list[Stage] = [fit_mapping(options, task)]
    again = min(options.imp_rewind_step / task.steps, epochs) if task.steps else 0.0
    for number, sparsity in enumerate(rounds):
        before += [
            TrainRound(epochs, optimizer, options.imp_rewind_step, again if number else 0.0),
            Prune(ranking(options, magnitude), pruner_of(options), [sparsity]),
            Rewind(),
        ]
    return tuned(options, before)


def rounds_to(sparsity: float) -> int:
    """Returns how many rounds that each keep 80% of the weights it takes to a sparsity."""
    return math.ceil(math.log(1 - sparsity) / math.log(KEPT_PER_ROUND) - 1e-9)


def _epochs(options: StageOptions, rounds: int) -> int:
    """Returns the epochs of a round: with equal passes the rounds and the tuning share them."""
    total = options.total_passes
    if total is None:
        return options.epochs_per_round or options.finetune_epochs
    views = len(TrainRound.updates)
    epochs = total // (views * (rounds + 1))
    if epochs < 1:
        raise InputError(
            f"equal_passes is {options.asked_passes}, but imp takes {rounds} rounds and tuning, {views} passes each at "
            f"the least; give at least {views * (rounds + 1)}"
        )
    return min(epochs, options.epochs_per_round or epochs)
