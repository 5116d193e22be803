"""Which numbers each argument of a job may be."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vpns_hf.errors import InputError

LARGEST = 2**31 - 1  # what every library beneath takes for a count
LARGEST_SIDE = 4096  # pixels; one such image takes 201 MB as float32


@dataclass(frozen=True)
class Range:
    """The numbers from `least` to `most`.

    Args:
        least: the smallest.
        most: the largest; infinity itself never counts.
        open_at: those of the two ends that are not allowed themselves.
    """

    least: float
    most: float = LARGEST
    open_at: tuple[float, ...] = ()

    def __contains__(self, value: float) -> bool:
        return self.least <= value <= self.most and value not in self.open_at and value < math.inf

    def __str__(self) -> str:
        least = f"above {self.least}" if self.least in self.open_at else f"at least {self.least}"
        if self.most == math.inf:
            return f"{least} and finite"
        return f"{least} and below {self.most}" if self.most in self.open_at else f"{self.least} to {self.most}"

    def check(self, name: str, value: float) -> None:
        """Raises an InputError if `value`, that of the argument `name`, is not one of these."""
        if value not in self:
            raise InputError(f"{name} is {value}; allowed: {self}")


COUNT, COUNT_OR_NONE = Range(1), Range(0)
BATCH = Range(2)  # batch norm needs two images
SIDE = Range(1, LARGEST_SIDE)
RATE = Range(0, math.inf)

RANGES: dict[str, Range] = {
    "image_size": SIDE,
    "output_size": SIDE,
    "prompt_size": COUNT_OR_NONE,
    "mapping_interval": COUNT,
    "pretrain_epochs": COUNT_OR_NONE,
    "pretrain_learning_rate": RATE,
    "find_mask_epochs": COUNT_OR_NONE,
    "finetune_epochs": COUNT_OR_NONE,
    "score_learning_rate": RATE,
    "prompt_learning_rate": RATE,
    "learning_rate": RATE,
    "prompt_finetune_learning_rate": RATE,
    "momentum": Range(0, 1, open_at=(1,)),
    "weight_decay": RATE,
    "train_batch_size": BATCH,
    "per_device_train_batch_size": BATCH,
    "gradient_accumulation_steps": COUNT,
    "per_device_eval_batch_size": COUNT,
    "max_grad_norm": Range(0, math.inf, open_at=(0,)),
    "bn_recalibration": COUNT_OR_NONE,
    "validation_fraction": Range(0, 1, open_at=(0, 1)),
    "max_train_samples": COUNT,
    "max_eval_samples": COUNT,
    "max_test_samples": COUNT,
    "seed": Range(0, 2**32 - 1),
    "check_ranks_every": COUNT_OR_NONE,
    "timeout": COUNT,
    "shuffle_buffer_size": COUNT,
    "checkpointing_steps": COUNT,
    "save_total_limit": COUNT,
}
