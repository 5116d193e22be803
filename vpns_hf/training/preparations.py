"""How the network computes during a training stage, without changing what: memory order, compilation."""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod

import torch

from ..errors import InputError
from ..models import VPNsForImageClassification

CPU_COMPILERS = ("g++", "clang++")


class Preparation(ABC):
    """Applied to the model before a training stage, and undone after it."""

    @abstractmethod
    def apply(self, model: VPNsForImageClassification) -> None:
        """Changes how the model computes, in place."""

    @abstractmethod
    def undo(self, model: VPNsForImageClassification) -> None:
        """Changes the model back, in place."""


class ChannelsLast(Preparation):
    """Keeps convolution weights, and so all pictures between layers, with the channel as the innermost dimension."""

    def apply(self, model: VPNsForImageClassification) -> None:
        model.to(memory_format=torch.channels_last)

    def undo(self, model: VPNsForImageClassification) -> None:
        model.to(memory_format=torch.contiguous_format)


class Compiled(Preparation):
    """Compiles the backbone; prompt and label mapping stay as they are.

    Raises:
        InputError: if there is neither a GPU nor a C++ compiler to do so.
    """

    def __init__(self) -> None:
        compilers = [os.environ.get("CXX", ""), *CPU_COMPILERS]
        if not torch.accelerator.is_available() and not any(map(shutil.which, compilers)):
            raise InputError("torch_compile needs a C++ compiler; install g++, or leave out --torch_compile")

    def apply(self, model: VPNsForImageClassification) -> None:
        torch.compiler.reset()  # what earlier stages compiled counts towards a limit
        model.backbone.compile()

    def undo(self, model: VPNsForImageClassification) -> None:
        model.backbone._compiled_call_impl = None  # noqa: SLF001 (torch offers no other way)
