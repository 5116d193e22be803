"""Prune an image classifier at one or more sparsities, and measure the results."""

from __future__ import annotations

import gc
import sys

from ..utils.bars import bars_are_hidden
from .parsing import parse_arguments
from .script import given_command, show_epochs


def main() -> None:
    """Runs a job as the command line says."""
    inputs, args = parse_arguments(sys.argv[1:], __doc__)
    # What needs `datasets` is imported now, so that the help comes without it.
    from ..jobs import VPNsTrainer, check_publishable, publish_run
    from ..reporting import results_table

    if bars_are_hidden(args.disable_tqdm):
        show_epochs()
    if inputs.push_to_hub and not inputs.dry_run:
        check_publishable(inputs, args)
    trainer = VPNsTrainer.of(inputs, args, command=given_command(), recipe=inputs.recipe)
    if trainer.accelerator.is_main_process:
        print(trainer.plan(), flush=True)
    if inputs.dry_run:
        return
    gc.freeze()  # what was imported stays, and is not searched for garbage at the end of every stage
    trainer.train()
    if trainer.accelerator.is_main_process:
        print(f"\n{results_table(trainer.results)}\n\nResults, plots and models: {trainer.output_dir}")
        if inputs.push_to_hub:
            for publication in publish_run(trainer.output_dir, inputs):
                print(publication, flush=True)
