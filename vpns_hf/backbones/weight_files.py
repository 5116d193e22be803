"""Tensors of a file, read without running any code the file may hold."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
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
    advice = "save the weights alone: torch.save(model.state_dict(), FILE)"
    return _state_dict(_load(load_file, path, advice) if path.suffix == ".safetensors" else load_pickle(path, advice))


def load_pickle(path: Path, advice: str) -> Any:
    """Returns what `torch.save` wrote to a file, none of whose code is run; large tensors are pages of the file.

    Args:
        path: of the file.
        advice: what to do where it holds more than plain types and tensors.

    Raises:
        InputError: if the file is damaged, or holds more; the message does not name the file.
    """
    # Files of torch before 1.6, such as torchvision's first VGGs, are no archives that could be mapped into memory.
    load = partial(torch.load, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    return _load(load, path, advice)


def _load(load: Callable[[Path], Any], path: Path, advice: str) -> Any:
    try:
        return load(path)
    except UnpicklingError as error:
        needed = re.search(r"GLOBAL (\S+)", str(error))
        if needed is None:
            raise InputError(f"the file is no checkpoint of torch, or it is damaged; {GET_ANEW}") from error
        raise InputError(
            f"the file holds more than tensors ({needed[1]}), which only running code could rebuild; {advice}"
        ) from error
    except Exception as error:  # damaged bytes end in one of many errors, depending on where they are
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise InputError(f"the file is no checkpoint, or it is damaged ({reason}); {GET_ANEW}") from error


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
