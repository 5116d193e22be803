"""Fine-tune subnetworks that were found on some data sets on others, beside what is found there."""

from __future__ import annotations

from vpns_hf.cli.script import run_script
from vpns_hf.cli.transfer import main

if __name__ == "__main__":
    run_script(main)
