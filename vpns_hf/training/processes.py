"""Processes, devices, precision and trackers, through accelerate."""

from __future__ import annotations

from accelerate import Accelerator
from accelerate.tracking import get_available_trackers
from accelerate.utils import DistributedDataParallelKwargs

from vpns_hf.errors import InputError

from .arguments import VPNsTrainingArguments


def build_accelerator(args: VPNsTrainingArguments) -> Accelerator:
    """Returns the accelerator of a job.

    The plain update does not reach the prompt, so unused parameters are looked for. Buffers are not broadcast at every
    forward: masks are computed alike by every process, and running statistics are averaged once an epoch.

    Raises:
        InputError: if a tracker is asked for that is not installed, or the precision is not supported.
    """
    wrapper = DistributedDataParallelKwargs(find_unused_parameters=True, broadcast_buffers=False)
    trackers = _trackers(args.report_to) if args.with_tracking else None
    try:
        return Accelerator(
            mixed_precision=args.mixed_precision,
            log_with=trackers,
            project_dir=args.output_dir,
            kwargs_handlers=[wrapper],
        )
    except ValueError as error:
        raise InputError(str(error).strip().splitlines()[0]) from error


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
