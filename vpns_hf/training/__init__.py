"""The job: stages, the one loop, evaluation, and the trainer that runs a method at every sparsity."""

from .arguments import VPNsTrainingArguments
from .callbacks import Callback
from .trainer import VPNsTrainer

__all__ = ["Callback", "VPNsTrainer", "VPNsTrainingArguments"]
