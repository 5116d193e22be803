"""Measure speed or memory beside a reference, both sides alternately in one run."""

from __future__ import annotations

import argparse
import inspect
import json
import platform
from collections.abc import Callable
from pathlib import Path

import torch

from scripts.benchmarks import BENCHMARKS, NothingToMeasure
from vpns_hf.cli.script import run_script
from vpns_hf.errors import InputError
from vpns_hf.reporting import markdown_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    names = parser.add_subparsers(dest="name", required=True, metavar="NAME", help="what to measure")
    for name, benchmark in BENCHMARKS.items():
        add_options(names.add_parser(name, help=summary(benchmark), description=summary(benchmark)), benchmark)
    options = vars(arguments := parser.parse_args())
    if arguments.json:
        check_file(arguments.json)
    own = {name: value for name, value in options.items() if name not in ("name", "json")}
    try:
        rows = BENCHMARKS[arguments.name](**own)
    except NothingToMeasure as reason:
        print(reason)
        return
    machine = f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    cells = [
        [row["name"], *(f"{row[key]:,.2f}" for key in ("ours", "reference", "ratio")), row["unit"]] for row in rows
    ]
    print(
        f"{machine}\n\n{markdown_table(['What', 'Ours', 'Reference', 'Ratio', 'Unit'], cells, [False, True, True, True, False])}"
    )
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine, "figures": rows}, indent=2) + "\n", encoding="utf-8")


def add_options(parser: argparse.ArgumentParser, benchmark: Callable) -> None:
    """Adds --json and an option for each argument of a benchmark, of the type of its default."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file as well")
    for name, parameter in inspect.signature(benchmark).parameters.items():
        default = parameter.default
        parser.add_argument(f"--{name}", type=type(default), default=default, metavar="N", help=f"default: {default}")


def summary(benchmark: Callable) -> str:
    """Returns the first line of what a benchmark says of itself."""
    return (benchmark.__doc__ or "").partition("\n")[0].replace("%", "%%")


def check_file(path: Path) -> None:
    """Checks, before anything is measured, that a file can be written; leaves none behind."""
    is_new = not path.exists()
    try:
        path.open("a").close()
    except OSError as error:
        raise InputError(f"--json {path} cannot be written to ({error.strerror}); give another file") from error
    if is_new:
        path.unlink()


if __name__ == "__main__":
    run_script(main)
