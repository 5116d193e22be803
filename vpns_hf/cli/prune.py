"""Prune an image classifier at one or more sparsities, and measure the results."""

from __future__ import annotations

import gc
import sys

from ..data.catalog import find_spec
from ..utils.bars import bars_are_hidden
from .parsing import parse_arguments
from .script import given_command, show_epochs


def main() -> None:
    """Runs a job as the command line says."""
    inputs, args = parse_arguments(sys.argv[1:], __doc__)
    # What needs `datasets` is imported now, so that the help comes without it.
    from ..data.splits import named_splits
    from ..jobs import VPNsTrainer, check_publishable, publish_run, read_data
    from ..reporting import results_table

    if bars_are_hidden(args.disable_tqdm):
        show_epochs()
    if inputs.push_to_hub and not inputs.dry_run:
        check_publishable(inputs, args)
    spec = find_spec(inputs.dataset_name)
    dataset, columns, streams = read_data(inputs, spec)
    trainer = VPNsTrainer(
        inputs.model_name_or_path,
        args,
        **named_splits(dataset, columns, spec, args.test_fraction),
        columns=columns,
        dataset_name=inputs.dataset_name,
        model_revision=inputs.model_revision,
        command=given_command(),
        recipe=inputs.recipe,
        streams=streams,
    )
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
