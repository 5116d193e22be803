"""Compare finished jobs: tables over seeds, differences with confidence intervals, and plots."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from .parsing import OneLineParser


def main() -> None:
    """Compares jobs as the command line says."""
    given = compare_parser().parse_args()
    from ..jobs import compare_jobs  # after parsing, so that the help comes at once

    print(compare_jobs(given.jobs, given.output_dir))
    print(
        f"\nWritten: {given.output_dir / 'results.md'}, with results.json, results.csv, table.tex and plots beside it"
    )


def compare_parser() -> ArgumentParser:
    """The options of `vpns compare`."""
    parser = OneLineParser(description=__doc__)
    add = parser.add_argument
    add(
        "jobs",
        metavar="DIR",
        nargs="+",
        type=Path,
        help="The output_dir of a finished job; one for each seed and method.",
    )
    add(
        "--output_dir",
        metavar="DIR",
        type=Path,
        required=True,
        help="Folder for what comes out; no job may lie there.",
    )
    return parser
