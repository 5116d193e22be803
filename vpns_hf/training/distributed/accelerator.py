"""Processes, devices, precision and trackers, through accelerate."""

from __future__ import annotations

import inspect
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from accelerate import Accelerator
from accelerate.tracking import get_available_trackers
from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs, broadcast_object_list
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ...errors import InputError

T = TypeVar("T")


class _WrapperSettings(DistributedDataParallelKwargs):
    """The settings of the distributed wrapper, under the names this version of torch has for them."""

    def to_kwargs(self) -> dict[str, Any]:
        settings = super().to_kwargs()
        # torch 2.13 renamed the setting; accelerate passes on the old name, which every process warns of.
        if "forward_sync_buffers" in inspect.signature(DistributedDataParallel).parameters:
            settings["forward_sync_buffers"] = settings.pop("broadcast_buffers", True)
        return settings


@dataclass(frozen=True)
class Machine:
    """Which device, precision and trackers processes work with.

    Attributes:
        use_cpu: compute on the CPU even where there is a GPU.
        mixed_precision: no, fp16 or bf16; None for what accelerate is configured for.
        tf32: multiply float32 matrices in TF32.
        timeout: seconds after which a process that others wait for counts as lost.
        report_to: tracker, or all installed ones; None for no tracking.
        output_dir: where trackers write.
    """

    use_cpu: bool = False
    mixed_precision: str | None = None
    tf32: bool = False
    timeout: int = 1800
    report_to: str | None = None
    output_dir: str = "output"


def build_accelerator(machine: Machine) -> Accelerator:
    """Returns the accelerator of a job.

    The plain update does not reach the prompt, so unused parameters are looked for. Buffers are not broadcast at every
    forward: masks are computed alike by every process, and running statistics are averaged once an epoch. Without a GPU
    the processes work together on the CPU.

    Raises:
        InputError: if a tracker is asked for that is not installed, the precision is not supported, or the processes do
            not find each other.
    """
    if machine.tf32:
        allow_tf32()
    trackers = None if machine.report_to is None else _trackers(machine.report_to)
    try:
        with ended_at_once():
            accelerator = Accelerator(
                cpu=machine.use_cpu or not torch.accelerator.is_available(),
                mixed_precision=machine.mixed_precision,
                log_with=trackers,
                project_dir=machine.output_dir,
                kwargs_handlers=[InitProcessGroupKwargs(timeout=timedelta(seconds=machine.timeout))],
            )
    except ValueError as error:
        raise InputError(str(error).strip().splitlines()[0]) from error
    asked = machine.mixed_precision or os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    if accelerator.mixed_precision != asked:  # accelerate keeps that of the first job of a process
        raise InputError(
            f"mixed_precision is {asked}, but an earlier job of this Python process had {accelerator.mixed_precision}; "
            f"start another process, or give {accelerator.mixed_precision}"
        )
    if accelerator.mixed_precision == "fp16" and accelerator.device.type == "cpu":
        raise InputError("mixed_precision is fp16, which needs a GPU; on the CPU give bf16 or no")
    check_all_joined(accelerator.num_processes)
    # Set afterwards, because accelerate takes no subclass of its settings among the handlers.
    accelerator.ddp_handler = _WrapperSettings(find_unused_parameters=True, broadcast_buffers=False)
    return accelerator


@contextmanager
def ended_at_once() -> Iterator[None]:
    """Lets SIGTERM end the process within the block: waiting for other processes to join, it would hear of it too late."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


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


def _trackers(report_to: str) -> list[str]:
    available = [str(tracker) for tracker in get_available_trackers()]
    if not available:
        raise InputError(
            f"report_to is {report_to!r}, but no tracker is installed; install one, or give --report_to none"
        )
    wanted = available if report_to == "all" else [name.strip() for name in report_to.split(",")]
    missing = [name for name in wanted if name not in available]
    if missing:
        raise InputError(
            f"report_to is {report_to!r}, of which {', '.join(missing)} is not installed; "
            f"installed: {', '.join(available)}; install what is missing, choose another, or give --report_to none"
        )
    return wanted
