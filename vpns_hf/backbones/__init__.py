"""Where the dense network comes from: a short name, a Hub id, a local folder, a file of weights, or a model in memory."""

from .backbone import Backbone
from .heads import HEADS
from .loading import load_backbone
from .registry import BACKBONES

__all__ = ["BACKBONES", "HEADS", "Backbone", "load_backbone"]
