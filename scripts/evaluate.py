"""Measure a saved model: accuracy with and without the prompt, sparsity, size on disk, latency."""

from __future__ import annotations

from vpns_hf.cli.evaluate import main
from vpns_hf.cli.script import run_script

if __name__ == "__main__":
    run_script(main)
