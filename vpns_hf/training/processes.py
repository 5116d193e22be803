"""Processes, devices, precision and trackers, through accelerate."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from accelerate import Accelerator
from accelerate.tracking import get_available_trackers
from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs, broadcast_object_list
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from vpns_hf.errors import InputError

from .updating import LEAST_IMAGES

if TYPE_CHECKING:
    from .arguments import VPNsTrainingArguments

T = TypeVar("T")


class _WrapperSettings(DistributedDataParallelKwargs):
    """The settings of the distributed wrapper, under the names this version of torch has for them."""

    def to_kwargs(self) -> dict[str, Any]:
        settings = super().to_kwargs()
        # torch 2.13 renamed the setting; accelerate passes on the old name, which every process warns of.
        if "forward_sync_buffers" in inspect.signature(DistributedDataParallel).parameters:
            settings["forward_sync_buffers"] = settings.pop("broadcast_buffers", True)
        return settings


def build_accelerator(args: VPNsTrainingArguments) -> Accelerator:
    """Returns the accelerator of a job.

    The plain update does not reach the prompt, so unused parameters are looked for. Buffers are not broadcast at every
    forward: masks are computed alike by every process, and running statistics are averaged once an epoch. Without a GPU
    the processes work together on the CPU.

    Raises:
        InputError: if a tracker is asked for that is not installed, the precision is not supported, the processes do not
            find each other, or the batch size cannot be shared out.
    """
    if args.tf32:
        allow_tf32()
    on_cpu = args.use_cpu or not torch.accelerator.is_available()
    trackers = _trackers(args.report_to) if args.with_tracking else None
    try:
        accelerator = Accelerator(
            cpu=on_cpu,
            mixed_precision=args.mixed_precision,
            log_with=trackers,
            project_dir=args.output_dir,
            kwargs_handlers=[InitProcessGroupKwargs(timeout=timedelta(seconds=args.timeout))],
        )
    except ValueError as error:
        raise InputError(str(error).strip().splitlines()[0]) from error
    if accelerator.mixed_precision == "fp16" and accelerator.device.type == "cpu":
        raise InputError("mixed_precision is fp16, which needs a GPU; on the CPU give bf16 or no")
    check_all_joined(accelerator.num_processes)
    # Set afterwards, because accelerate takes no subclass of its settings among the handlers.
    accelerator.ddp_handler = _WrapperSettings(find_unused_parameters=True, broadcast_buffers=False)
    check_batch_size(args, accelerator.num_processes)
    return accelerator


def unprepare(accelerator: Accelerator, model: nn.Module) -> nn.Module:
    """Returns a prepared model as it was before, ready to be prepared anew."""
    model = accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    accelerator.free_memory()
    # A model that bears this mark is not prepared again: it would compute without mixed precision.
    vars(model).pop("_is_accelerate_prepared", None)
    return model


def allow_tf32() -> None:
    """Lets float32 convolutions and matrix products use TF32.

    Raises:
        InputError: if there is no NVIDIA GPU to do so.
    """
    if not torch.cuda.is_available():
        raise InputError("tf32 is a format of NVIDIA GPUs, and none was found; leave out --tf32")
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True


def from_main_process(accelerator: Accelerator, work: Callable[[], T]) -> T:
    """Returns in every process what `work` returns in the main one, while the others wait.

    Raises:
        InputError: in every process, if `work` does.
    """
    if accelerator.num_processes == 1:
        return work()
    value, refusal = broadcast_object_list([_outcome(work) if accelerator.is_main_process else None])[0]
    if refusal is not None:
        raise InputError(refusal)
    return value


def _outcome(work: Callable[[], T]) -> tuple[T | None, str | None]:
    try:
        return work(), None
    except InputError as error:
        return None, str(error)


def check_all_joined(num_processes: int) -> None:
    """Without a GPU, accelerate lets the processes of torchrun work side by side, each on the whole job.

    Raises:
        InputError: if more processes were started than `num_processes`, which work together.
    """
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if started != num_processes:
        raise InputError(
            f"{started} processes were started, but they do not work together; "
            "without a GPU for each, set ACCELERATE_USE_CPU=1 or start one process"
        )


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


def _trackers(report_to: str) -> list[str]:
    available = [str(tracker) for tracker in get_available_trackers()]
    if not available:
        raise InputError(
            f"report_to is {report_to!r}, but no tracker is installed; install one, or leave out --with_tracking"
        )
    wanted = available if report_to == "all" else [name.strip() for name in report_to.split(",")]
    missing = [name for name in wanted if name not in available]
    if missing:
        raise InputError(
            f"report_to is {report_to!r}, of which {', '.join(missing)} is not installed; "
            f"installed: {', '.join(available)}; install what is missing, choose another, or leave out --with_tracking"
        )
    return wanted
