"""When a job writes a checkpoint, and what it stops for."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from typing import Any

from accelerate import Accelerator

from ...errors import Interrupted
from ...reporting import EpochRecord
from ...training import Callback, Run, Stage, TrainingStage
from ...training.distributed import StopRequest, from_main_process, process_states
from .checkpoints import Checkpoints
from .identity import Job
from .resumption import SavedState


class Checkpointing(Callback):
    """Writes a checkpoint after every epoch, every stage that does not train, every part, and every so many steps.

    Args:
        checkpoints: where they are kept.
        job: what is finished.
        callbacks: whose state is kept as well.
        stop: looked at between steps and evaluated batches.
        accelerator: joins the processes, of which the main one writes.
        every: iterations between two checkpoints within an epoch; None writes none there.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        job: Job,
        callbacks: Sequence[Callback],
        stop: StopRequest,
        accelerator: Accelerator,
        every: int | None = None,
    ) -> None:
        self.checkpoints, self.job, self.callbacks = checkpoints, job, callbacks
        self.stop, self.accelerator, self.every = stop, accelerator, every
        self._steps = 0

    def on_step_end(self, run: Run, stage: TrainingStage) -> None:
        self._steps += 1
        self._stop_if_asked(run)
        if self._steps == self.every:
            self.save(run)

    def on_evaluation_batch(self, run: Run) -> None:
        self._stop_if_asked(run)

    def on_epoch_end(self, run: Run, record: EpochRecord) -> None:
        self.save(run)

    def on_stage_finished(self, run: Run, stage: Stage) -> None:
        if not isinstance(stage, TrainingStage):  # whose last epoch has just left one
            self.save(run)

    def part_finished(self, part: str, result: Mapping[str, Any], weights: Mapping[str, Any] | None = None) -> None:
        """Notes that a part of the job is finished, and its weights where later parts need them."""
        self.job.finish(part, result, weights)
        self.save(None)

    def save(self, run: Run | None) -> None:
        """Writes a checkpoint of the job and of the model in the making; all processes take part.

        Raises:
            InputError: in all of them, if the disk refuses.
        """
        self._steps = 0
        processes = [] if run is None else process_states(run.model, run.progress, run.accelerator)
        state = SavedState(
            job=self.job.state_dict(),
            run={} if run is None else run.state_dict(),
            callbacks={type(callback).__name__: callback.state_dict() for callback in self.callbacks},
            processes=processes,
        )
        from_main_process(self.accelerator, lambda: state.write(self.checkpoints))

    def stop_if_asked(self) -> None:
        """Stops between two models; to be called where one process is at work.

        Raises:
            Interrupted: if a signal has come.
        """
        if (number := self.stop.number()) and self.accelerator.num_processes == 1:
            raise Interrupted(self._farewell(number), number)

    def _stop_if_asked(self, run: Run) -> None:
        number = self.stop.number()
        if number:
            run.tell("on_interrupt")
            if run.progress is not None:
                self.save(run)
            raise Interrupted(self._farewell(number), number)

    def _farewell(self, number: int) -> str:
        newest = self.checkpoints.newest()
        then = f"{newest} is complete: repeat the command to go on" if newest else "nothing to go on from yet"
        return f"stopped by {signal.Signals(number).name}; {then}"
