"""List the decoded images that jobs keep, check that they are whole, and remove those that are not needed any more."""

from __future__ import annotations

from vpns_hf.cli.data import cache as main
from vpns_hf.cli.script import run_script

if __name__ == "__main__":
    run_script(main)
