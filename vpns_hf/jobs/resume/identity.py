"""What of a job is finished, and what it was asked for: the part of a checkpoint that outlives each single model."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor

from ...errors import InputError
from ...utils.options import Part, names_of
from ...utils.text import differences
from ..arguments import InputArguments, VPNsTrainingArguments

logger = logging.getLogger(__name__)

LATER = ("network", "normalisation", "classes")  # of the model; see `digests_of_settings`
# Options without a part in the pre-training and the dense references, beside those that the method dense does not use:
# how long a reference is trained is told by its passes.
OF_THE_PRUNED = (
    "method",
    "sparsities",
    "visual_prompt",
    "prompt_size",
    "output_size",
    "init_weights",
    "prompt_finetune_learning_rate",
    "equal_passes",
    "find_mask_epochs",
    "finetune_epochs",
    "distill_alpha",
    "distill_temperature",
    "dense_reference",
    "dense_passes",
)


class Job:
    """The parts of a job that are finished: pre-training, the dense reference, each sparsity.

    Args:
        identity: {name: value} of everything that has a part in the results, plain values.
        processes: how many work on it.

    Attributes:
        finished: {part: its result, plain values}.
        weights: {part: tensors that later parts need of it}, of pre-training and of dense references that teach.
    """

    def __init__(self, identity: Mapping[str, Any], processes: int = 1) -> None:
        self.identity, self.processes = _plain(identity), processes
        self.finished: dict[str, dict[str, Any]] = {}
        self.weights: dict[str, dict[str, Tensor]] = {}

    def finish(self, part: str, result: Mapping[str, Any], weights: Mapping[str, Tensor] | None = None) -> None:
        """Notes the result of a part, and its weights where later parts need them."""
        self.finished[part] = _plain(result)
        if weights is not None:
            self.weights[part] = {key: value.detach().to("cpu", copy=True) for key, value in weights.items()}

    def state_dict(self) -> dict[str, Any]:
        """Returns all of it, as tensors and plain values."""
        names = ("identity", "processes", "finished", "weights")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes over what is finished.

        Raises:
            InputError: if something else was asked for then; the message lists the differences.
        """
        changes = differences(as_recorded(state["identity"], self.identity), self.identity)
        if changes:
            raise InputError(
                f"the unfinished job was started with {'; '.join(changes)}; give what it was started with, "
                "another --output_dir, or --resume_from_checkpoint none to start anew"
            )
        if state["processes"] != self.processes:
            logger.warning(
                "going on with %s what %s begun: the results are equal in distribution, not bit by bit",
                _counted(self.processes, "process", "processes"),
                _counted(state["processes"], "has", "have"),
            )
        self.finished, self.weights = dict(state["finished"]), dict(state["weights"])


def as_recorded(identity: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the identity of an earlier job; what jobs did not record at first is taken to be as it is now."""
    later = {name: now[name] for name in LATER if name in now}
    return {**later, **identity}


def identity_of(
    options: Mapping[str, Any], batch_size: int, digests: Mapping[str, str], unused: Collection[str] = ()
) -> dict[str, Any]:
    """Returns what decides on the results of a job.

    Args:
        options: of the job; those without effect on the results are left out, and so are those whose content is compared
            in their place.
        batch_size: images per update over all processes together, however it was asked for.
        digests: {what: digest} of the content of model and data.
        unused: names of options that the method does not use.
    """
    left_out = {
        name
        for known in (InputArguments, VPNsTrainingArguments)
        for name in names_of(known, Part.MACHINE, Part.CONTENT, Part.SOURCE)
    }
    effective = {name: value for name, value in options.items() if name not in left_out and name not in unused}
    return {**effective, "images per update": batch_size, **digests}


def _counted(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"


def _plain(value: Any) -> Any:
    """Returns nested values as Python's own types, as JSON knows them."""
    return json.loads(json.dumps(value))
