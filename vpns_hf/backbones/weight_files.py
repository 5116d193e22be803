"""Tensors of a file, read without running any code the file may hold."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from ..errors import InputError

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
GET_ANEW = "download or save it once more"
WRAPPERS = ("state_dict", "model")  # where training scripts keep the state dict among other things
PREFIXES = ("module.", "timm_model.")  # put before every name by DataParallel and by transformers' wrapper of timm


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Returns the state dict in a file of safetensors or of `torch.save`; on the CPU, in the types of the file.

    Raises:
        InputError: if the file is damaged, holds something else, or more than tensors; the message does not name the file.
    """
    try:
        content = load_file(path) if path.suffix == ".safetensors" else _load_pickle(path)
    except UnpicklingError as error:
        raise InputError(_why_refused(str(error))) from error
    except Exception as error:  # damaged bytes end in one of many errors, depending on where they are
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise InputError(f"the file is no checkpoint, or it is damaged ({reason}); {GET_ANEW}") from error
    return _state_dict(content)


def _load_pickle(path: Path) -> Any:
    # Files of torch before 1.6, such as torchvision's first VGGs, are no archives that could be mapped into memory.
    return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))


def _why_refused(message: str) -> str:
    needed = re.search(r"GLOBAL (\S+)", message)
    if needed is None:
        return f"the file is no checkpoint of torch, or it is damaged; {GET_ANEW}"
    return (
        f"the file holds more than tensors ({needed[1]}), which only running code could rebuild; "
        "save the weights alone: torch.save(model.state_dict(), FILE)"
    )


def _state_dict(content: Any) -> dict[str, Tensor]:
    for key in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if (
        not isinstance(content, Mapping)
        or not content
        or not all(isinstance(item, Tensor) for item in content.values())
    ):
        raise InputError(
            f"the file holds no state dict, a dict of tensors, be it alone or under {' or '.join(map(repr, WRAPPERS))}"
        )
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in content):
            content = {name.removeprefix(prefix): tensor for name, tensor in content.items()}
    return dict(content)
