"""Processes and devices: joining them, what each holds for itself, and being asked to stop."""

from __future__ import annotations

from .accelerator import Machine, build_accelerator, check_all_joined, from_main_process, unprepare
from .interruption import StopRequest
from .process_state import generator_states, load_process_state, process_states, set_generator_states

__all__ = [
    "Machine",
    "StopRequest",
    "build_accelerator",
    "check_all_joined",
    "from_main_process",
    "generator_states",
    "load_process_state",
    "process_states",
    "set_generator_states",
    "unprepare",
]
