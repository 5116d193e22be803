"""Write the index of model_cards/ anew, after adding the card of a model if one is given."""

from __future__ import annotations

from vpns_hf.cli.hub import cards as main
from vpns_hf.cli.script import run_script

if __name__ == "__main__":
    run_script(main)
