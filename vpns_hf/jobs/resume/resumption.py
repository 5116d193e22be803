"""How a job goes on from where an earlier process left it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from ...errors import InputError
from ...reporting import short_percent, sparsity_name
from ...training import Callback, Run
from ...training.distributed import from_main_process
from ..arguments import VPNsTrainingArguments
from ..output import (
    MODEL_FOLDER,
    WEIGHTS,
    digest_of_file,
    holds_dense_model,
    refuse_foreign,
    refuse_results,
    refuse_strange_files,
)
from ..results import package_versions
from .checkpoints import Checkpoint, Checkpoints, open_checkpoint
from .finished import FOLDER, FinishedJob
from .identity import Job

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SavedState:
    """What a checkpoint holds.

    Attributes:
        job: what is finished, see `Job.state_dict`.
        run: the model in the making, see `Run.state_dict`; empty between two.
        callbacks: {class name: state}.
        processes: the state of each process, see `process_states`; empty between two models.
    """

    job: Mapping[str, Any]
    run: Mapping[str, Any]
    callbacks: Mapping[str, Mapping[str, Any]]
    processes: Sequence[Mapping[str, Any]]

    @classmethod
    def read(cls, checkpoint: Checkpoint) -> SavedState:
        """Reads a checkpoint."""
        return cls(**checkpoint.read("shared"), processes=checkpoint.read("processes")["states"])

    def write(self, checkpoints: Checkpoints) -> None:
        """Writes the next checkpoint."""
        shared = {name: value for name, value in vars(self).items() if name != "processes"}
        checkpoints.write({"shared": shared, "processes": {"states": list(self.processes)}})


class Resumption:
    """The unfinished job that an output folder holds, if any, and how a new one goes on from it.

    Args:
        output_dir: of the job.
        args: of the job.

    Attributes:
        checkpoints: of the job, in its output folder.
        checkpoint: where it goes on from; None if it starts anew.
        finished: the finished job that it adds sparsities to; None if it adds to none.

    Raises:
        InputError: if there is no such checkpoint, or the folder holds results of another job that are to be kept.
    """

    def __init__(self, output_dir: Path, args: VPNsTrainingArguments) -> None:
        self.output_dir = output_dir
        self.checkpoints = Checkpoints(output_dir / FOLDER, args.save_total_limit)
        if self.checkpoints.folder.exists() and not self.checkpoints.folder.is_dir():
            raise InputError(
                f"{self.checkpoints.folder} is a file, where checkpoints belong; move it away or give another --output_dir"
            )
        self.checkpoint = _choose(self.checkpoints, args.resume_from_checkpoint)
        self._state: SavedState | None = None
        self.finished = self._extended(args)
        refuse_foreign(output_dir / sparsity_name(sparsity) for sparsity in args.sparsities)
        if not self._is_own and self.finished is None:
            (refuse_strange_files if args.overwrite_output_dir else refuse_results)(output_dir)

    def _extended(self, args: VPNsTrainingArguments) -> FinishedJob | None:
        if self.checkpoint is not None or args.overwrite_output_dir or args.resume_from_checkpoint == "none":
            return None
        finished = FinishedJob.read(self.output_dir)
        return finished if finished is not None and finished.is_extended_by(args.sparsities) else None

    def restore(self, identity: Mapping[str, Any], callbacks: Sequence[Callback], accelerator: Accelerator) -> Job:
        """Returns the job with what is finished of it, and brings the callbacks to where they were.

        Raises:
            InputError: in every process, if something else was asked for then, or the checkpoint cannot be read.
        """
        job = Job(identity, accelerator.num_processes)
        self._state = from_main_process(accelerator, self._read)
        if self.finished is not None:
            self.finished.hand_over(job, package_versions())
        if self._state is not None:
            job.load_state_dict(self._state.job)
        for part in from_main_process(accelerator, lambda: self._lost(job)):
            del job.finished[part]
        for part in from_main_process(accelerator, lambda: self._without_model(job)):
            job.finished[part] = {**job.finished[part], "path": None}
        if self._state is not None:
            for callback in callbacks:
                callback.load_state_dict(self._state.callbacks.get(type(callback).__name__, {}))
        return job

    def start(self) -> None:
        """Removes checkpoints of a job that this one does not go on from; for the main process."""
        if not self._is_own:
            self.checkpoints.clear()

    def resume(self, run: Run) -> None:
        """Brings a new run to where it was left, if it is the one that was in the making."""
        if self._state is not None and self._state.run.get("name") == run.name:
            run.load_state_dict(self._state.run, self._state.processes)
            self._state = None

    @property
    def in_words(self) -> str:
        """What the job goes on from; empty if it starts anew."""
        if self.finished is not None:
            kept = ", ".join(map(short_percent, self.finished.sparsities))
            return (
                f"Extends the finished job that lies there, if what it was made with is the same: {kept} are kept; pre-training, "
                "if any, is repeated"
            )
        if self.checkpoint is None:
            return ""
        return f"Goes on from {self.checkpoint.folder}, if what it was started with is the same; what is finished is not run again"

    @property
    def _is_own(self) -> bool:
        return (
            self.checkpoint is not None
            and self.checkpoint.folder.parent.resolve() == self.checkpoints.folder.resolve()
        )

    def _read(self) -> SavedState | None:
        if self.checkpoint is None:
            return None
        if not self.checkpoint.folder.is_dir():  # a job that was still at work then has ended since
            raise InputError(f"the checkpoint {self.checkpoint.folder} is gone; repeat the command")
        return SavedState.read(self.checkpoint)

    def _lost(self, job: Job) -> list[str]:
        """Returns the finished parts whose model is not what was saved; they are run again."""
        lost = []
        for part, result in job.finished.items():
            if "weights" not in result:
                continue
            is_ours = MODEL_FOLDER.fullmatch(part) is not None  # a checkpoint may be anybody's, and name any file
            found = digest_of_file(self.output_dir / part / WEIGHTS) if is_ours else None
            if found is None or found != result["weights"]:
                logger.warning("%s is not as it was saved: that sparsity is run again", self.output_dir / part)
                lost.append(part)
        return lost

    def _without_model(self, job: Job) -> list[str]:
        """Returns the dense references whose model is not here: what was measured of them stands, they are not tuned again."""
        kept = {part: result["path"] for part, result in job.finished.items() if result.get("path")}
        return [part for part, path in kept.items() if not holds_dense_model(self.output_dir, path)]


def _choose(checkpoints: Checkpoints, choice: str) -> Checkpoint | None:
    if choice == "latest":
        return checkpoints.latest()
    return None if choice == "none" else open_checkpoint(Path(choice).expanduser())
