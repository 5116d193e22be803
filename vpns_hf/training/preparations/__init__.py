"""How the network computes during a training stage: memory order, compilation, the gradient of its first layer."""

from __future__ import annotations

from .base import Preparation
from .channels_last import ChannelsLast
from .compiled import Compiled
from .stem_gradient import (
    FastStemGradient,
    StridedConvolution,
    frame_gradient,
    has_slow_input_gradient,
    input_gradient,
)

__all__ = [
    "ChannelsLast",
    "Compiled",
    "FastStemGradient",
    "Preparation",
    "StridedConvolution",
    "frame_gradient",
    "has_slow_input_gradient",
    "input_gradient",
]
