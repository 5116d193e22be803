"""Where the dense network comes from: a short name, a Hub id, a local folder, a file of weights, or a model in memory."""

from __future__ import annotations

from .backbone import IMAGENET, Backbone, Normalisation
from .finite import check_finite
from .foreign_weights import build, from_tensors
from .heads import HEADS, Head
from .loading import load_backbone
from .registry import BACKBONES, Published, Untrained
from .repositories import Place
from .sizes import Sides, allowed_sides, check_sizes
from .timm_networks import TIMM_NETWORKS, differences, timm_name
from .weight_files import load_pickle, read_tensors

__all__ = [
    "BACKBONES",
    "HEADS",
    "IMAGENET",
    "TIMM_NETWORKS",
    "Backbone",
    "Head",
    "Normalisation",
    "Place",
    "Published",
    "Sides",
    "Untrained",
    "allowed_sides",
    "build",
    "check_finite",
    "check_sizes",
    "differences",
    "from_tensors",
    "load_backbone",
    "load_pickle",
    "read_tensors",
    "timm_name",
]
