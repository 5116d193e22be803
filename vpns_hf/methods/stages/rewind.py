"""Going back to an early state while the mask stays: what makes magnitude pruning iterative."""

from __future__ import annotations

from typing import Any

import torch

from ...training import ModelStage, Run
from ...training.distributed import generator_states, set_generator_states

EARLY = "early"


class Rewind(ModelStage):
    """Brings weights, biases, normalisation and its statistics, prompt and generators back; mask and label map stay.

    The next round builds its optimiser and schedule anew, or takes up those of the early state.
    Source: Frankle and Carbin, "The Lottery Ticket Hypothesis", arXiv 1803.03635, section 2; Chen et al., "The Lottery
    Tickets Hypothesis for Supervised and Self-supervised Pre-training", arXiv 2012.06908, for pre-trained networks.
    """

    name = "rewind"

    @torch.no_grad()
    def apply(self, run: Run) -> None:
        early, tensors = run.kept[EARLY], run.model.state_dict()
        for name, value in early["model"].items():
            tensors[name].copy_(value)
        set_generator_states(early["generators"], run.accelerator.device)


def early_state(run: Run) -> dict[str, Any]:
    """Returns everything that a round changes and a rewind brings back, in main memory."""
    stays = {f"backbone.{name}.weight_mask" for name in run.model.masked_layers()} | {"label_mapping"}
    tensors = {name: value for name, value in run.model.state_dict().items() if name not in stays}
    return {
        "model": {name: value.detach().to("cpu", copy=True) for name, value in tensors.items()},
        "generators": generator_states(run.accelerator.device),
    }
