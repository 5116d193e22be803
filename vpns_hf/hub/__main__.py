"""`python -m vpns_hf.hub list`: a table of published checkpoints."""

from __future__ import annotations

import sys

from vpns_hf.hub.command_line import list_parser
from vpns_hf.hub.listing import Wanted, checkpoint_table, hub_checkpoints, local_checkpoints
from vpns_hf.scripting import run_script


def main() -> None:
    given = list_parser().parse_args()
    wanted = Wanted(given.arch, given.dataset, given.min_accuracy)
    checkpoints = hub_checkpoints(given.author) if given.local is None else local_checkpoints(given.local)
    print(checkpoint_table(filter(wanted.admits, checkpoints)))


if __name__ == "__main__":
    sys.argv[0] = "vpns_hf.hub"
    run_script(main)
