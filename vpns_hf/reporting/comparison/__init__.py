"""What comes out of several jobs side by side: tables, statistics and plots.

`write_comparison` writes all of it from `ComparedRun`s, which `vpns_hf.jobs.compared_runs` reads from finished jobs.
"""

from __future__ import annotations

from .compared_run import Bits, ComparedRun
from .markdown import comparison_tables
from .write import write_comparison

__all__ = ["Bits", "ComparedRun", "comparison_tables", "write_comparison"]
