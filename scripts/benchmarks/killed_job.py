"""A tiny job in a process of its own that ends itself by SIGKILL at a moment that is asked for."""

from __future__ import annotations

import gc
import hashlib
import json
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from transformers import ResNetConfig, ResNetForImageClassification

from vpns_hf import Callback, VPNsTrainer, VPNsTrainingArguments

WRITING = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree")
EVENTS = ("on_update", "on_step_end", "on_evaluation_batch", "on_epoch_end", "on_stage_end", "on_stage_finished")
SIDE = 16


class Moments(Callback):
    """Counts every event of a job and every file it opens to write, renames or removes; ends the process at one of them.

    Args:
        folder: the output folder, whose files count.
        last: the moment to end at, counted from 1; None lets the job finish.
    """

    def __init__(self, folder: Path, last: int | None = None) -> None:
        self.folder, self.last = str(folder), last
        self.seen: list[str] = []
        for event in EVENTS:
            setattr(self, event, self._listener(event))
        sys.addaudithook(self._audit)  # for the life of the process, which is the job's

    def _listener(self, event: str) -> Callable[..., None]:
        def listen(run: Any, *details: object) -> None:
            self._pass(f"{run.name}: {_doing(run, event)}")

        return listen

    def _audit(self, event: str, details: tuple) -> None:
        if event in WRITING and self.folder in str(details[0]) and (event != "open" or _writes(details[1])):
            self._pass(_place(Path(str(details[0])).relative_to(self.folder)))

    def _pass(self, what: str) -> None:
        self.seen.append(what)
        if len(self.seen) == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


def _doing(run: Any, event: str) -> str:
    if event == "on_evaluation_batch":
        return "evaluation"
    return "between stages" if run.stage is None else run.stage.name


def _writes(mode: str | None) -> bool:
    return mode is not None and any(letter in mode for letter in "wax+")


def _place(path: Path) -> str:
    first = path.parts[0] if path.parts else "."
    if first == "checkpoints":
        return "writing or removing a checkpoint"
    return "writing a model folder" if first.lstrip(".").startswith("sparsity-") else "writing the report"


def run_job(folder: Path, last: int | None = None, **changes: Any) -> int:
    """Runs the job, or what is left of it, in a new process.

    Args:
        folder: gets the output in `out`, and the places of all moments in `moments.json` if the job finishes.
        last: the moment at which it is killed; None lets it finish.
        changes: of its arguments.

    Returns:
        The exit status, negative for the signal that ended it.
    """
    process = os.fork()  # everything is imported: a new interpreter would take most of the time of a trial
    if process == 0:
        _in_child(lambda: _train(folder, last, changes), folder / "stderr.txt")
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _in_child(work: Callable[[], None], errors: Path) -> None:
    code = 1
    try:
        descriptor = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        work()
        code = 0
    except BaseException:
        logging.exception("the job failed")
    finally:
        os._exit(code)


def _train(folder: Path, last: int | None, changes: Mapping[str, Any]) -> None:
    os.environ["ACCELERATE_USE_CPU"] = "1"
    torch.set_num_threads(1)
    gc.freeze()  # as `vpns prune` does
    moments = Moments(folder / "out", last)
    trainer = VPNsTrainer(
        _network(), _arguments(folder, changes), _pictures(40, 1), _pictures(13, 2), _pictures(17, 3), [moments]
    )
    trainer.train()
    (folder / "moments.json").write_text(json.dumps(moments.seen))


def _arguments(folder: Path, changes: Mapping[str, Any]) -> VPNsTrainingArguments:
    epochs = {"pretrain_epochs": 1, "find_mask_epochs": 2, "finetune_epochs": 2}
    sizes = {"image_size": SIDE, "prompt_size": 4, "train_batch_size": 16, "per_device_eval_batch_size": 16}
    values = {
        **{"output_dir": folder / "out", "cache_dir": folder / "cache", "sparsities": [0.5, 0.8]},
        **{"visual_prompt": "random", "label_mapping": "iterative", "checkpointing_steps": 2, "disable_tqdm": True},
        **{"learning_rate": 0.05, "score_learning_rate": 1e-2, "prompt_learning_rate": 1e-1},
    }
    return VPNsTrainingArguments(**{**epochs, **sizes, **values, **changes})


def _network() -> ResNetForImageClassification:
    torch.manual_seed(0)
    shape = {"embedding_size": 8, "hidden_sizes": [8, 12], "depths": [1, 1], "layer_type": "basic"}
    return ResNetForImageClassification(ResNetConfig(**shape, num_labels=5))


def _pictures(count: int, seed: int) -> datasets.Dataset:
    """Noisy pictures whose class is told by their brightest channel."""
    generator = np.random.default_rng(seed)
    labels = [row % 3 for row in range(count)]
    images = generator.integers(0, 160, (count, SIDE, SIDE, 3), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, :, label] += 60
    kinds = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["red", "green", "blue"])}
    return datasets.Dataset.from_dict({"image": list(images), "label": labels}, features=datasets.Features(kinds))


def weights_of(folder: Path) -> dict[str, str]:
    """Returns {model folder: SHA-256 of its weights} of a finished job, and its accuracies under `results`."""
    out = folder / "out"
    weights = {path.parent.name: path for path in sorted(out.glob("sparsity-*/model.safetensors"))}
    digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in weights.items()}
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    measured = [(run["accuracy"], run["validation"], run["epoch"]) for run in results["runs"]]
    return {**digests, "results": json.dumps([results["dense"], *measured])}


def is_finished(folder: Path) -> bool:
    """Whether a job has come to its end: it holds results, and no checkpoint to go on from."""
    out = folder / "out"
    return (out / "results.json").exists() and not list(out.glob("checkpoints/checkpoint-*"))


def scratch() -> tempfile.TemporaryDirectory:
    """Returns a folder for one trial, removed at its end."""
    return tempfile.TemporaryDirectory(prefix="vpns-kill-")
