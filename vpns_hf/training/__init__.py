"""The engine: runs, stages, the one loop, and what watches it. It knows no command line, no method, no folder."""

from __future__ import annotations

from .run import PLAIN, PROMPTED, Callback, ModelStage, Run, RunData, Stage, TrainingStage, Update

__all__ = [
    "PLAIN",
    "PROMPTED",
    "Callback",
    "ModelStage",
    "Run",
    "RunData",
    "Stage",
    "TrainingStage",
    "Update",
]
