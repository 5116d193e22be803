"""From the arguments of a job to the objects it works with."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from accelerate import Accelerator
from torch import Tensor

from ..data import Splits
from ..data.class_weights import balanced_weights
from ..errors import InputError
from ..methods import Task
from ..pruning import StartingMask
from ..training import (
    LEAST_IMAGES,
    Agenda,
    Callback,
    ChannelsLast,
    Compiled,
    FastStemGradient,
    LoggingCallback,
    Preparation,
    ProgressCallback,
    RankCheck,
    SkipNonFinite,
    Stepping,
    StopAtNonFinite,
    TrackingCallback,
)
from ..training.distributed import Machine, build_accelerator
from ..utils.bars import bars_are_hidden
from .arguments import VPNsTrainingArguments


def accelerator_of(args: VPNsTrainingArguments) -> Accelerator:
    """Returns the processes, device and precision of a job.

    Raises:
        InputError: as `build_accelerator`, or if the batch size cannot be shared out.
    """
    accelerator = build_accelerator(
        Machine(args.use_cpu, args.mixed_precision, args.tf32, args.timeout, args.trackers, args.output_dir)
    )
    check_batch_size(args, accelerator.num_processes)
    return accelerator


def check_batch_size(args: VPNsTrainingArguments, num_processes: int) -> None:
    """Checks that every process gets the same number of images per update, at least two, and so does every part.

    Raises:
        InputError: if train_batch_size cannot be shared out so, or gradient_accumulation_steps makes smaller parts.
    """
    share = args.per_device_train_batch_size or args.train_batch_size // num_processes
    if args.gradient_accumulation_steps > max(share // LEAST_IMAGES, 1):
        raise InputError(
            f"gradient_accumulation_steps is {args.gradient_accumulation_steps} with {share} images per process and "
            f"update; give at most {max(share // LEAST_IMAGES, 1)}"
        )
    if args.per_device_train_batch_size is not None:
        return
    if args.train_batch_size % num_processes or args.train_batch_size < 2 * num_processes:
        raise InputError(
            f"train_batch_size is {args.train_batch_size} with {num_processes} processes; "
            f"give a multiple of {num_processes}, at least {2 * num_processes}, or per_device_train_batch_size"
        )


def callbacks_of(args: VPNsTrainingArguments, agenda: Agenda) -> list[Callback]:
    """Returns what watches every run of a job."""
    callbacks: list[Callback] = [
        RankCheck(args.check_ranks_every),
        ProgressCallback(bars_are_hidden(args.disable_tqdm), agenda),
        LoggingCallback(agenda),
    ]
    return [*callbacks, TrackingCallback()] if args.trackers else callbacks


def preparations_of(args: VPNsTrainingArguments) -> list[Preparation]:
    """Returns what a job does to its model before each training stage.

    Raises:
        InputError: if the machine cannot.
    """
    # A compiler arranges convolutions itself.
    wanted = {
        FastStemGradient: not args.torch_compile,
        ChannelsLast: args.channels_last,
        Compiled: args.torch_compile,
    }
    return [preparation() for preparation, asked in wanted.items() if asked]


def stepping_of(args: VPNsTrainingArguments) -> Stepping:
    """Returns how the optimisation steps of a job are taken."""
    policy = SkipNonFinite() if args.skip_nonfinite else StopAtNonFinite()
    return Stepping(args.gradient_accumulation_steps, args.max_grad_norm, policy)


def class_weights_of(
    args: VPNsTrainingArguments, labels: Sequence[int] | Tensor, class_names: Sequence[str]
) -> np.ndarray | None:
    """Returns what an image of each class counts, float32 (C,); None where all count alike.

    Args:
        args: of the job.
        labels: of the training images.
        class_names: of the C classes.

    Raises:
        InputError: if a class has no image.
    """
    return balanced_weights(labels, class_names) if args.class_weights == "auto" else None


def task_of(sparsity: float, splits: Splits, batch_size: int, start: StartingMask | None) -> Task:
    """Returns what a method is to do for a sparsity.

    Args:
        sparsity: that is asked for.
        splits: of the job.
        batch_size: images per update over all processes together.
        start: the mask of another run to start from; None for none.
    """
    images = len(splits.train)
    return Task(sparsity, images, len(splits.class_names), start, math.ceil(images / batch_size))
