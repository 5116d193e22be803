"""Finished jobs, read to be compared."""

from __future__ import annotations

from .finished_runs import compared_runs

__all__ = ["compared_runs"]
