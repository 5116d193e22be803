"""Finished jobs, read to be compared."""

from __future__ import annotations

from .compare import CELLS, STUDY, compare_jobs
from .finished_runs import compared_runs

__all__ = ["CELLS", "STUDY", "compare_jobs", "compared_runs"]
