"""Publish the models of a run on the Hub: weights, configuration, code, image processor, card, plots and results."""

from __future__ import annotations

from vpns_hf.cli.hub import push as main
from vpns_hf.cli.script import run_script

if __name__ == "__main__":
    run_script(main)
