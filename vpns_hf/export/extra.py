"""Whether what ONNX files, and models for MNN, need is installed."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from ..utils.extras import of_extra

FOR_ONNX = ("onnx", "onnxscript", "onnxruntime")


def check_onnx_installed() -> None:
    """Raises InputError, with the command that installs it, if a package of the extra `onnx` cannot be imported."""
    for name in FOR_ONNX:
        with of_extra(f"ONNX files need {name}", "onnx"):
            import_module(name)


def check_mnn_installed() -> None:
    """Raises InputError, with the command that installs it, if a package of the extra `mnn` is missing."""
    check_onnx_installed()
    with of_extra("models for MNN need MNN", "mnn"):
        if find_spec("MNN") is None:  # not imported, which writes to the terminal
            raise ModuleNotFoundError("MNN")
