"""What a job will remove of the channels of a model, as far as it can be told before anything is trained."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

from ..models import VPNsForImageClassification
from ..reporting import count, percent, short_percent
from .channels import ChannelBudget, Channels, channel_graph_of, channel_groups, removed
from .criteria import ScoringContext, magnitude
from .pruner import Pruner
from .sparsity import num_dropped


@dataclass(frozen=True)
class ChannelPlan:
    """How many channels go.

    Attributes:
        model: the dense model.
        pruner: which go.
    """

    model: VPNsForImageClassification
    pruner: Pruner

    @property
    def left(self) -> Mapping[str, str]:
        """{layer that makes channels which stay whatever is asked for: why}."""
        return channel_graph_of(self.model).left

    def without(self, sparsity: float) -> VPNsForImageClassification:
        """Returns a model of the widths that will be left; where all groups are ranked together, about these."""
        model = copy.deepcopy(self.model)
        self.pruner.apply(model, magnitude(ScoringContext(model)), sparsity)
        return model.shrink(channel_groups(model))

    def in_words(self, sparsity: float) -> str:
        """Returns what goes at a sparsity beside what was asked for."""
        groups = Channels().groups(self.model)
        keys = Channels().scores(magnitude(ScoringContext(self.model)), groups)
        kept = self.pruner.budget.keep(keys, groups, sparsity)
        share, total = removed(kept, groups), sum(group.total for group in groups)
        asked = f"{short_percent(sparsity)} of the {self._counted}"
        if self._counted == "channels":
            asked += f", {count(num_dropped(total, sparsity))}"
        gone = f"{count(round(share['channels'] * total))} of {count(total)} channels in {len(groups)} groups go"
        about = "" if self.pruner.budget.name == "layer" else "about "
        return (
            f"At {short_percent(sparsity)} sparsity {about}{gone} (asked: {asked}): {percent(share['weights'])} of the weights, "
            f"{percent(share['macs'])} of the MACs"
        )

    @property
    def _counted(self) -> str:
        budget = self.pruner.budget
        return budget.counted if isinstance(budget, ChannelBudget) else "channels"
