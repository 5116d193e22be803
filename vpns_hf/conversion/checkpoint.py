"""What is needed of a checkpoint of the released code, read without running any code that the file may hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..backbones import load_pickle
from ..errors import InputError

SCORES = ".popup_scores"
PARALLEL = "module."  # put before every name by DataParallel
FILES = "a checkpoint of the released code, such as 1best.pth"
SAVE_AGAIN = "where you trust it, save it again with tensors, numbers, texts, lists and dicts alone"


@dataclass(frozen=True)
class OriginalCheckpoint:
    """The parts of a checkpoint that make the model. Tensors are pages of the file until they are read.

    Attributes:
        weights: {torchvision's name: tensor} of the whole network.
        scores: {torchvision's name of a layer: its scores}.
        mapping: (T,) int64, the source class of each target class, none twice.
        visual_prompt: `program` (3, O, O) and, but for a prompt at random places, `mask` (3, O, O); None without a prompt.
    """

    weights: dict[str, Tensor]
    scores: dict[str, Tensor]
    mapping: Tensor
    visual_prompt: dict[str, Tensor] | None

    @classmethod
    def read(cls, path: Path) -> OriginalCheckpoint:
        """Maps a file into memory and takes what is needed of it.

        Raises:
            InputError: if there is no such file, it is damaged, needs code to be run, or holds something else.
        """
        if not path.is_file():
            raise InputError(f"there is no such file; give {FILES}")
        content = load_pickle(path, SAVE_AGAIN)
        if not isinstance(content, Mapping) or "state_dict" not in content:
            raise InputError(f"the file holds no dict with a 'state_dict'; give {FILES}")
        tensors = _without_prefix(_tensors(content["state_dict"], "state_dict"))
        prompt = content.get("visual_prompt")
        return cls(
            weights={name: tensor for name, tensor in tensors.items() if not name.endswith(SCORES)},
            scores={name.removesuffix(SCORES): tensor for name, tensor in tensors.items() if name.endswith(SCORES)},
            mapping=_mapping(content.get("mapping_sequence")),
            visual_prompt=None if prompt is None else _without_prefix(_tensors(prompt, "visual_prompt")),
        )


def _tensors(content: Any, key: str) -> dict[str, Tensor]:
    if not isinstance(content, Mapping) or not content:
        raise InputError(f"{key!r} is {type(content).__name__}, not a state dict; give {FILES}")
    for name, tensor in content.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor) or tensor.layout is not torch.strided:
            raise InputError(f"{name!r} in {key!r} is no dense tensor; give {FILES}")
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in content.items()}


def _without_prefix(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    if not all(name.startswith(PARALLEL) for name in tensors):
        return tensors
    return {name.removeprefix(PARALLEL): tensor for name, tensor in tensors.items()}


def _mapping(sequence: Any) -> Tensor:
    if isinstance(sequence, Tensor) and sequence.ndim == 1 and not sequence.is_floating_point():
        sequence = sequence.tolist()
    if not isinstance(sequence, list) or not sequence or any(type(source) is not int for source in sequence):
        raise InputError(f"'mapping_sequence' is no list of source classes, one for each target class; give {FILES}")
    twice = next((source for source in sequence if sequence.count(source) > 1), None)
    if twice is not None:
        raise InputError(f"'mapping_sequence' reads several target classes from source class {twice}; each takes one")
    return torch.tensor(sequence)
