"""Prune an image classifier at one or more sparsities, and measure the results."""

from __future__ import annotations

import sys
from pathlib import Path

from datasets import DatasetDict

from vpns_hf import VPNsTrainer
from vpns_hf.data import (
    Columns,
    DatasetSpec,
    StreamIndex,
    find_columns,
    find_spec,
    load_image_dataset,
    stream_image_dataset,
)
from vpns_hf.data.loading import parquet_files
from vpns_hf.data.splits import named_splits
from vpns_hf.hub.after_training import check_publishable, publish_run
from vpns_hf.reporting import results_table
from vpns_hf.scripting import given_command, run_script
from vpns_hf.training.command_line import InputArguments, parse_arguments

DEFAULT_RECIPE = Path(__file__).parent / "recipes" / "digits.yaml"


def main() -> None:
    inputs, args = parse_arguments(sys.argv[1:], DEFAULT_RECIPE, __doc__)
    if inputs.push_to_hub and not inputs.dry_run:
        check_publishable(inputs, args)
    spec = find_spec(inputs.dataset_name)
    dataset, columns, streams = read_data(inputs, spec)
    splits = named_splits(dataset, columns, spec)
    trainer = VPNsTrainer(
        inputs.model_name_or_path,
        args,
        **splits,
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
    trainer.train()
    if trainer.accelerator.is_main_process:
        print(f"\n{results_table(trainer.results)}\n\nResults, plots and models: {trainer.output_dir}")
        if inputs.push_to_hub:
            for publication in publish_run(trainer.output_dir, inputs):
                print(publication, flush=True)


def read_data(inputs: InputArguments, spec: DatasetSpec | None) -> tuple[DatasetDict, Columns, StreamIndex | None]:
    """Returns the rows of the data set, its columns, and for a stream what its rows stand for."""
    read = stream_image_dataset if inputs.streaming else load_image_dataset
    dataset = read(inputs.dataset_name, config_name=inputs.dataset_config_name)
    columns = find_columns(dataset, inputs.image_column_name, inputs.label_column_name, spec)
    if not inputs.streaming:
        return dataset, columns, None
    files = parquet_files(inputs.dataset_name, dataset, config_name=inputs.dataset_config_name)
    streams = StreamIndex(dataset, columns, files)
    return streams.rows, columns, streams


if __name__ == "__main__":
    run_script(main)
