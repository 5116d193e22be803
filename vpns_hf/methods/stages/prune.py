"""Removing weights by a criterion, in one step or in rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...models import VPNsForImageClassification
from ...pruning import Pruner, empty_layers
from ...pruning.criteria import Criterion
from ...training import ModelStage, Run
from .emptied import warn_of_empty_layers
from .scoring import scoring_context


class Prune(ModelStage):
    """Masks the lowest units, for good; where there are several sparsities they are ranked anew before each.

    Args:
        criterion: ranks the network as it is, its masks included.
        pruner: which units go.
        sparsities: after each round, ascending, in [0, 1).
        seed: of the criterion.
        images_per_class: that the criterion reads.
        share: of the training images that it reads in a round, for `passes`.
        suits: raises InputError for a model that the criterion, which looks at the graph of a network, cannot rank.
    """

    name = "prune"

    def __init__(
        self,
        criterion: Criterion,
        pruner: Pruner,
        sparsities: Sequence[float],
        seed: int = 0,
        images_per_class: int = 0,
        share: float = 0.0,
        suits: Callable[[VPNsForImageClassification], object] | None = None,
    ) -> None:
        self.criterion, self.pruner, self.sparsities = criterion, pruner, list(sparsities)
        self.seed, self.images_per_class, self.share, self.suits = seed, images_per_class, share, suits

    @property
    def rounds(self) -> int:
        return len(self.sparsities)

    @property
    def passes(self) -> float:
        return self.share * len(self.sparsities)

    def check(self, model: VPNsForImageClassification) -> None:
        for sparsity in self.sparsities:
            self.pruner.check(model, sparsity)
        if self.suits is not None:
            self.suits(model)

    def apply(self, run: Run) -> None:
        known = empty_layers(run.model)
        for sparsity in self.sparsities:
            scores = self.criterion(scoring_context(run, self.seed, self.images_per_class))
            self.pruner.apply(run.model, scores, sparsity)
            known = warn_of_empty_layers(run.model, sparsity, known)
            if self.rounds > 1:
                run.tell("on_round_end", self)
