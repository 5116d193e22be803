"""Telling that another process of a job is gone from the errors of the libraries that connect them."""

from __future__ import annotations

import re

from torch.distributed import DistError

# The errors of gloo, which connects processes on CPUs, are of no class of their own.
OF_GLOO = re.compile(
    r"(?:\[[^\]]*\bgloo/[^\]]*\] |^(?=Application timeout caused pair closure))(?P<reason>.*?)(?:\. This is|$)"
)


def lost_process(error: RuntimeError) -> str | None:
    """Returns what to say if `error` means that another process is gone or silent; None if it means something else."""
    first = str(error).strip().partition("\n")[0]
    match = OF_GLOO.search(first)
    if match is None and not isinstance(error, DistError):
        return None
    reason = match["reason"] if match else first
    return f"another process of this job is gone or gave no answer in time ({reason}); see its output"
