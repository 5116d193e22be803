"""The model: what a pushed repository carries. Its files are flat and import each other only."""

from .channels import ChannelGroup, Side, along, kept_units
from .classes import class_names, head_names, head_tensors, set_classes
from .configuration_vgg import VggConfig
from .configuration_vpns import VPNsConfig
from .masked_layers import MaskedConv2d, MaskedLayer, MaskedLinear
from .modeling_vgg import VggForImageClassification, VggModel, VggPreTrainedModel
from .modeling_vpns import VPNsForImageClassification
from .visual_prompts import VISUAL_PROMPTS, VisualPrompt

__all__ = [
    "VISUAL_PROMPTS",
    "ChannelGroup",
    "MaskedConv2d",
    "MaskedLayer",
    "MaskedLinear",
    "Side",
    "VPNsConfig",
    "VPNsForImageClassification",
    "VggConfig",
    "VggForImageClassification",
    "VggModel",
    "VggPreTrainedModel",
    "VisualPrompt",
    "along",
    "class_names",
    "head_names",
    "head_tensors",
    "kept_units",
    "set_classes",
]
