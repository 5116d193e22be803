"""From a checkpoint of the method's released code to a model of this package."""

from .convert import Conversion, convert_checkpoint
from .network import NETWORKS
from .prompts import PromptFacts

__all__ = ["NETWORKS", "Conversion", "PromptFacts", "convert_checkpoint"]
