"""Prune an image classifier at one or more sparsities, and measure the results."""

from __future__ import annotations

from vpns_hf.cli.prune import main
from vpns_hf.cli.script import run_script

if __name__ == "__main__":
    run_script(main)
