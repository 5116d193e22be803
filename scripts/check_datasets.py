"""Look whether the data sets with a short name are on the Hub as expected: reads one batch of each, downloads no more."""

from __future__ import annotations

import argparse
import sys

from vpns_hf.data import DATASETS
from vpns_hf.data.checking import OK, check_datasets
from vpns_hf.reporting.markdown import markdown_table
from vpns_hf.scripting import run_script

HEADER = ("Name", "Hub id", "Columns", "Splits", "Classes", "Batch", "Result")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"All if none is given: {', '.join(DATASETS)}.")
    checks = check_datasets(parser.parse_args().names)
    rows = [(c.name, c.path, c.columns, c.splits, c.classes, c.batch, c.result) for c in checks]
    print(markdown_table(HEADER, rows, right=[False] * len(HEADER)))
    if any(check.result != OK for check in checks):
        sys.exit(1)


if __name__ == "__main__":
    run_script(main)
