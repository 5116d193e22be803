"""The backbone compiled."""

from __future__ import annotations

import os
import shutil

import torch

from ...errors import InputError
from ...models import VPNsForImageClassification
from .base import Preparation

CPU_COMPILERS = ("g++", "clang++")


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
