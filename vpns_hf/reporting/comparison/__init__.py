"""What comes out of several jobs side by side: tables, statistics and plots.

`write_comparison` writes all of it from `ComparedRun`s, which `vpns_hf.jobs.compared_runs` reads from finished jobs.
"""

from __future__ import annotations

from .agreement import Agreement, agreement_at
from .compared_run import Bits, ComparedRun
from .differences import Difference, differences_in
from .latex import latex_tables
from .lines import Cell, Line, Setting, settings_of
from .markdown import comparison_tables
from .ranking import Ranking, rank
from .spreadsheet import csv_text
from .statistics import Interval, Spread, over_images, over_seeds
from .write import check_replaceable, is_comparison, write_comparison

__all__ = [
    "Agreement",
    "Bits",
    "Cell",
    "ComparedRun",
    "Difference",
    "Interval",
    "Line",
    "Ranking",
    "Setting",
    "Spread",
    "agreement_at",
    "check_replaceable",
    "comparison_tables",
    "csv_text",
    "differences_in",
    "is_comparison",
    "latex_tables",
    "over_images",
    "over_seeds",
    "rank",
    "settings_of",
    "write_comparison",
]
