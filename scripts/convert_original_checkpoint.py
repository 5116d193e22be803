"""Turn a checkpoint of the released code of VPNs into a model folder; of an args.json beside it, what it says is taken."""

from __future__ import annotations

from vpns_hf.cli.convert import main
from vpns_hf.cli.script import run_script

if __name__ == "__main__":
    run_script(main)
