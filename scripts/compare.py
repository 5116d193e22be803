"""Compare finished jobs: tables over seeds, differences with confidence intervals, and plots."""

from __future__ import annotations

from vpns_hf.cli.compare import main
from vpns_hf.cli.script import run_script

if __name__ == "__main__":
    run_script(main)
