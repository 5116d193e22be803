"""Going back to an early state while the mask stays: what makes magnitude pruning iterative."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...training import ModelStage, Run, StageProgress
from ...training.distributed import load_process_state, process_states

EARLY = "early"


class Rewind(ModelStage):
    """Brings weights, biases, normalisation and its statistics, prompt and generators back; mask and label map stay.

    The next round builds its optimiser and schedule anew, or takes up those of the early state; tuning, whose schedule is
    one of its own, builds them anew. Source: Frankle and Carbin, "The Lottery Ticket Hypothesis", arXiv 1803.03635,
    section 2; Chen et al., "The Lottery Tickets Hypothesis for Supervised and Self-supervised Pre-training", arXiv
    2012.06908, for pre-trained networks.
    """

    name = "rewind"

    @torch.no_grad()
    def apply(self, run: Run) -> None:
        early, tensors = run.kept[EARLY], run.model.state_dict()
        for name, value in early["model"].items():
            tensors[name].copy_(value)
        load_process_state(run.model, None, run.accelerator, early["processes"])


def early_state(run: Run) -> dict[str, Any]:
    """Returns everything that a round changes and a rewind brings back, in main memory; all processes take part.

    Within a training stage that includes where it stands: optimisers, schedules, and the losses of its epoch.
    """
    stays = {f"backbone.{name}.weight_mask" for name in run.model.masked_layers()} | {"label_mapping"}
    return {
        "model": _on_host({name: value for name, value in run.model.state_dict().items() if name not in stays}),
        "progress": None if run.progress is None else _on_host(run.progress.state_dict()),
        "processes": process_states(run.model, run.progress, run.accelerator),
    }


def take_up(run: Run, progress: StageProgress) -> None:
    """Brings a stage that begins to where the early state was taken, if that was within a stage."""
    early = run.kept.get(EARLY)
    if early is not None and early["progress"] is not None:
        kept = _on_host(early["progress"])  # copies: an optimiser takes tensors as they are, and updates them in place
        progress.load_state_dict({**kept, "seconds": 0.0, "waiting": 0.0})  # the first round spent them
        load_process_state(run.model, progress, run.accelerator, early["processes"])


def _on_host(value: Any) -> Any:
    """Returns nested dictionaries and lists with copies of their tensors in main memory."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, Mapping):
        return {name: _on_host(entry) for name, entry in value.items()}
    return [_on_host(entry) for entry in value] if isinstance(value, list) else value
