"""Look at pruned models in the browser: all of them in a chart, one by one, tried on a picture, side by side."""

from __future__ import annotations

from vpns_hf.cli.browse import main
from vpns_hf.cli.script import run_script

if __name__ == "__main__":
    run_script(main)
