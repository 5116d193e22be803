"""The model: what a pushed repository carries. Its files are flat and import each other only."""

from .classes import class_names, head_names, head_tensors, set_classes
from .configuration_vgg import VggConfig
from .configuration_vpns import VPNsConfig
from .masked_layers import MaskedConv2d, MaskedLayer, MaskedLinear
from .modeling_vgg import VggForImageClassification, VggModel, VggPreTrainedModel
from .modeling_vpns import VPNsForImageClassification
from .visual_prompts import VISUAL_PROMPTS, VisualPrompt

__all__ = [
    "VISUAL_PROMPTS",
    "MaskedConv2d",
    "MaskedLayer",
    "MaskedLinear",
    "VPNsConfig",
    "VPNsForImageClassification",
    "VggConfig",
    "VggForImageClassification",
    "VggModel",
    "VggPreTrainedModel",
    "VisualPrompt",
    "class_names",
    "head_names",
    "head_tensors",
    "set_classes",
]
