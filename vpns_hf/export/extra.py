"""Whether what ONNX files need is installed."""

from __future__ import annotations

from importlib import import_module

from ..errors import InputError

NEEDED = ("onnx", "onnxscript", "onnxruntime")


def check_onnx_installed() -> None:
    """Raises InputError, with the command that installs it, if a package of the extra `onnx` cannot be imported."""
    for name in NEEDED:
        try:
            import_module(name)
        except ImportError as error:
            raise InputError(
                f'ONNX files need {", ".join(NEEDED)}, and {name} is not installed; pip install "vpns_hf[onnx]"'
            ) from error
