"""What each process of a run holds for itself: generators, its share of the losses, its own running statistics."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor, nn

from ..progress import StageProgress


def generator_states(device: torch.device) -> dict[str, Any]:
    """Returns the states of Python's, NumPy's and PyTorch's generators, and that of `device`; tensors and plain values."""
    name, keys, *rest = np.random.get_state()
    states = {
        "python": random.getstate(),
        "numpy": [name, torch.from_numpy(keys.astype(np.int64)), *rest],
        "torch": torch.get_rng_state(),
    }
    return states | ({"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else {})


def set_generator_states(states: Mapping[str, Any], device: torch.device) -> None:
    """Brings the generators to `states`; one of a device that the states do not know stays as it is."""
    version, keys, gauss = states["python"]
    random.setstate((version, tuple(keys), gauss))
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(states["torch"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)


def process_states(model: nn.Module, progress: StageProgress | None, accelerator: Accelerator) -> list[dict[str, Any]]:
    """Returns the state of every process, in order; all processes take part.

    Raises:
        InputError: if a loss of the epoch in progress was not finite: that state is not worth keeping.
    """
    if progress is not None:
        progress.losses.look()
    state = {
        "generators": generator_states(accelerator.device),
        "sums": {} if progress is None else _on_host(progress.sums),
        "statistics": _on_host(statistics(model)) if accelerator.num_processes > 1 else {},
    }
    return gather_object([state])


def load_process_state(
    model: nn.Module,
    progress: StageProgress | None,
    accelerator: Accelerator,
    states: Sequence[Mapping[str, Any]],
) -> None:
    """Brings this process to its own of the states; where there were other processes, to what they had in the mean.

    It belongs right before the run goes on, because whatever draws random numbers moves the generators.
    """
    same = len(states) == accelerator.num_processes
    own = states[accelerator.process_index if same else 0]
    parts = {"statistics": statistics(model), "sums": {} if progress is None else progress.sums}
    for part, tensors in parts.items():
        for name, tensor in tensors.items():
            found = [state[part][name] for state in ([own] if same else states) if name in state[part]]
            if found:
                tensor.copy_(torch.stack(found).mean(0) if len(found) > 1 else found[0])
    set_generator_states(own["generators"], accelerator.device)


def statistics(model: nn.Module) -> dict[str, Tensor]:
    """Returns the floating-point buffers of the model that are saved with it: running statistics."""
    saved = model.state_dict().keys()
    return {name: value for name, value in model.named_buffers() if value.is_floating_point() and name in saved}


def _on_host(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().to("cpu", copy=True) for name, value in tensors.items()}
