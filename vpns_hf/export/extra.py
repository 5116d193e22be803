"""Whether what ONNX files, and models for MNN, need is installed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

from ..errors import InputError

FOR_ONNX, FOR_MNN = ("onnx", "onnxscript", "onnxruntime"), ("MNN",)


def check_onnx_installed() -> None:
    """Raises InputError, with the command that installs it, if a package of the extra `onnx` cannot be imported."""
    for name in FOR_ONNX:
        try:
            import_module(name)
        except ImportError as error:
            raise _missing("ONNX files", FOR_ONNX, name, "onnx") from error


def check_mnn_installed() -> None:
    """Raises InputError, with the command that installs it, if a package of the extra `mnn` is missing."""
    check_onnx_installed()
    if find_spec("MNN") is None:  # not imported, which writes to the terminal
        raise _missing("models for MNN", FOR_MNN, "MNN", "mnn")


def _missing(what: str, needed: Sequence[str], name: str, extra: str) -> InputError:
    command = f'pip install "vpns_hf[{extra}]"'
    return InputError(f"{what} need {', '.join(needed)}, and {name} is not installed; {command}")
