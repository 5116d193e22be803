"""Make a study: every combination of methods, sparsities, seeds and whatever else varies, side by side in one table."""

from __future__ import annotations

from vpns_hf.cli.script import run_script
from vpns_hf.cli.sweep import main

if __name__ == "__main__":
    run_script(main)
