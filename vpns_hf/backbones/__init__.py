"""Where the dense network comes from: a short name, a Hub id, a local folder, or a model in memory."""

from .heads import HEADS
from .loading import load_backbone
from .registry import BACKBONES

__all__ = ["BACKBONES", "HEADS", "load_backbone"]
