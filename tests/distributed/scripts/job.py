"""A tiny job in several processes; each leaves what it ended with in OUTPUT/rank-R: run as `torchrun job.py OUTPUT`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.helpers import prune_at_random
from tests.training_helpers import dense_model, tiny_trainer
from vpns_hf import Callback, VPNsTrainer
from vpns_hf.jobs import eval_batches
from vpns_hf.jobs.output import job_folder
from vpns_hf.methods.stages import count_predictions
from vpns_hf.training import Run, evaluate_views


class KeepStates(Callback):
    """Copies everything the model holds at the end of each stage, and the prompt after every update."""

    def __init__(self) -> None:
        self.states: dict[str, Tensor] = {}
        self.prompts: list[Tensor] = []
        self.validation: list[dict] = []

    def on_update(self, run, stage, update, loss) -> None:
        self.prompts.append(run.model.visual_prompt.prompt.detach().clone())

    def on_epoch_end(self, run, record) -> None:
        self.validation.append({"validation": vars(record.validation), "loss": vars(record.loss)})

    def on_stage_end(self, run, stage) -> None:
        state = {**run.model.state_dict(), **dict(run.model.named_buffers())}
        self.states |= {f"{stage.name}.{key}": value.detach().clone() for key, value in state.items()}


def make_trainer(output: Path) -> VPNsTrainer:
    """The job every test of several processes looks at."""
    return tiny_trainer(
        output,
        sparsities=[0.6],
        label_mapping="iterative",
        find_mask_epochs=2,
        finetune_epochs=2,
        learning_rate=0.05,
        per_device_eval_batch_size=3,
    )


def measure(trainer: VPNsTrainer) -> dict:
    """What a model that no training has touched is measured with: 17 test and 40 training pictures."""
    model = prune_at_random(dense_model())
    evaluation = evaluate_views(
        model, eval_batches(trainer.images.test, trainer.args, trainer.process), trainer.accelerator
    )
    run = Run(model, trainer.accelerator, trainer.batches())
    return {
        "accuracy": vars(evaluation.accuracy),
        "predictions": evaluation.predictions.to_dict(),
        "validation": vars(evaluate_views(model, trainer.batches().validation, trainer.accelerator).accuracy),
        "counts": count_predictions(run).tolist(),
    }


def first_epoch(trainer: VPNsTrainer) -> dict[str, Tensor]:
    """This process's share of every training batch of the first epoch, pictures and labels."""
    data = trainer.batches()
    tensors = {}
    for view in ("prompted", "plain"):
        for index, batch in enumerate(getattr(data, view).epoch(1)):
            tensors[f"{view}.{index}.images"] = batch.pixel_values.clone()
            tensors[f"{view}.{index}.labels"] = batch.labels
    return tensors


def count_calls(name: str) -> list[str]:
    """Makes the calls of a function that writes to the folder leave a mark in the returned list."""
    calls, original = [], getattr(job_folder, name)

    def counted(*args, **kwargs):
        calls.append(name)
        return original(*args, **kwargs)

    setattr(job_folder, name, counted)
    return calls


def main(output: Path) -> None:
    calls = {
        name: count_calls(name) for name in ("write_report", "save_model", "write_model_card", "clear_output_dir")
    }
    trainer, keep = make_trainer(output), KeepStates()
    trainer.callbacks.append(keep)
    facts = {"measured": measure(trainer), "processes": trainer.accelerator.num_processes}
    facts["wrapper"] = str(trainer.accelerator.distributed_type)
    batches = first_epoch(trainer)
    facts["results"] = trainer.train()
    facts["calls"] = {name: len(marks) for name, marks in calls.items()}
    facts["epochs"] = keep.validation
    folder = output / f"rank-{trainer.accelerator.process_index}"
    folder.mkdir()
    (folder / "facts.json").write_text(json.dumps(facts))
    save_file({key: value.contiguous() for key, value in keep.states.items()}, folder / "states.safetensors")
    save_file({key: value.contiguous() for key, value in batches.items()}, folder / "batches.safetensors")
    save_file({"prompts": torch.stack(keep.prompts)}, folder / "prompts.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
