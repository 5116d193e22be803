"""Many jobs as one: every combination of methods, sparsities, seeds and whatever else varies, made once and compared."""

from __future__ import annotations

from ..utils.doors import door

__all__, __getattr__ = door(
    __name__,
    {
        "agenda": ["Agenda", "Turn"],
        "cell": ["Cell"],
        "claims": ["Claims", "Found", "Record", "Watch"],
        "contents": ["content_of"],
        "estimate": ["Estimate", "estimate"],
        "folder": ["State", "Status", "StudyFolder"],
        "grid": ["OF_THE_STUDY", "Grid", "cells_of"],
        "plan": ["StudyPlan"],
        "results": ["collect"],
        "work": ["Work", "reason_in"],
        "transfer": ["Transfer"],
        "transfer_table": ["Matrix"],
    },
)
