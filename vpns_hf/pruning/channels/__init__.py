"""Channels as units: which go together, how many stay, and how they are learned."""

from __future__ import annotations

from .budget import COUNTED, ChannelBudget, removed
from .graph import ChannelGraph, channel_graph_of, channel_groups
from .learned import LearnedChannels
from .units import Channels, ChannelUnits

__all__ = [
    "COUNTED",
    "ChannelBudget",
    "ChannelGraph",
    "ChannelUnits",
    "Channels",
    "LearnedChannels",
    "channel_graph_of",
    "channel_groups",
    "removed",
]
