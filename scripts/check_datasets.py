"""Look whether the data sets with a short name are on the Hub as expected: reads one batch of each, downloads no more."""

from __future__ import annotations

from vpns_hf.cli.data import check as main
from vpns_hf.cli.script import run_script

if __name__ == "__main__":
    run_script(main)
