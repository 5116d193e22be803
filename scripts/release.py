"""Make a planned model and publish it: train, evaluate, publish, add its card. What is done already is not done again."""

from __future__ import annotations

from vpns_hf.cli.release import main
from vpns_hf.cli.script import run_script

if __name__ == "__main__":
    run_script(main)
