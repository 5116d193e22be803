"""What is pruned: criteria rank units, a budget says how many stay, thresholds find them exactly."""

from __future__ import annotations

from .budget import SCOPES, Budget, Global, LikeAnother, PerLayer, Pool, Pooled
from .channel_plan import ChannelPlan
from .channels import COUNTED, ChannelBudget, ChannelGraph, Channels, channel_graph_of, channel_groups, removed
from .excluding import Excluding, excluded_layers
from .following_mask import FollowingMask
from .granularities import Granularity
from .learned_layers import LearnedLayer, start_scores
from .learned_mask import LearnedMask, LearnedWeights
from .n_of_m import NOfM
from .pruner import Pruner
from .report import channel_record, effective_density, empty_layers, layer_records
from .schedules import SCHEDULES, cubic, geometric, one_shot
from .sparsity import num_dropped
from .starting_mask import StartingMask
from .units import UNITS, Kernels, UnitGroup, Units, Weights

__all__ = [
    "COUNTED",
    "SCHEDULES",
    "SCOPES",
    "UNITS",
    "Budget",
    "ChannelBudget",
    "ChannelGraph",
    "ChannelPlan",
    "Channels",
    "Excluding",
    "FollowingMask",
    "Global",
    "Granularity",
    "Kernels",
    "LearnedLayer",
    "LearnedMask",
    "LearnedWeights",
    "LikeAnother",
    "NOfM",
    "PerLayer",
    "Pool",
    "Pooled",
    "Pruner",
    "StartingMask",
    "UnitGroup",
    "Units",
    "Weights",
    "channel_graph_of",
    "channel_groups",
    "channel_record",
    "cubic",
    "effective_density",
    "empty_layers",
    "excluded_layers",
    "geometric",
    "layer_records",
    "num_dropped",
    "one_shot",
    "removed",
    "start_scores",
]
