"""What each process of a run holds for itself: generators, its share of the losses, its own running statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from accelerate.utils import gather_object
from torch import Tensor

from .generators import generator_states, set_generator_states

if TYPE_CHECKING:
    from .run import Run


def process_states(run: Run) -> list[dict[str, Any]]:
    """Returns the state of every process, in order; all processes take part.

    Raises:
        InputError: if a loss of the epoch in progress was not finite: that state is not worth keeping.
    """
    if run.progress is not None:
        run.progress.losses.look(run)
    state = {
        "generators": generator_states(run.accelerator.device),
        "sums": {} if run.progress is None else _on_host(run.progress.sums),
        "statistics": _on_host(statistics(run)) if run.accelerator.num_processes > 1 else {},
    }
    return gather_object([state])


def load_process_state(run: Run, states: Sequence[Mapping[str, Any]]) -> None:
    """Brings this process to its own of the states; where there were other processes, to what they had in the mean.

    It belongs right before the run goes on, because whatever draws random numbers moves the generators.
    """
    same = len(states) == run.accelerator.num_processes
    own = states[run.accelerator.process_index if same else 0]
    parts = {"statistics": statistics(run), "sums": {} if run.progress is None else run.progress.sums}
    for part, tensors in parts.items():
        for name, tensor in tensors.items():
            found = [state[part][name] for state in ([own] if same else states) if name in state[part]]
            if found:
                tensor.copy_(torch.stack(found).mean(0) if len(found) > 1 else found[0])
    set_generator_states(own["generators"], run.accelerator.device)


def statistics(run: Run) -> dict[str, Tensor]:
    """Returns the floating-point buffers of the model that are saved with it: running statistics."""
    saved = run.model.state_dict().keys()
    return {name: value for name, value in run.model.named_buffers() if value.is_floating_point() and name in saved}


def _on_host(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().to("cpu", copy=True) for name, value in tensors.items()}
