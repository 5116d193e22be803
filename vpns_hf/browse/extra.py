"""Whether what the page needs is installed."""

from __future__ import annotations

from importlib import import_module

from ..errors import InputError


def check_browse_installed() -> None:
    """Raises InputError, with the command that installs it, if Gradio cannot be imported."""
    try:
        import_module("gradio")
    except ImportError as error:
        raise InputError('the page needs gradio, which is not installed; pip install "vpns_hf[browse]"') from error
