"""Packages that only an extra installs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import InputError


@contextmanager
def of_extra(need: str, extra: str) -> Iterator[None]:
    """Lets what is imported within the block be missing.

    Args:
        need: what needs which package, such as "the page needs gradio".
        extra: that installs it.

    Raises:
        InputError: if it cannot be imported; with the command that installs it.
    """
    try:
        yield
    except ImportError as error:
        raise InputError(f'{need}, which is not installed; pip install "vpns_hf[{extra}]"') from error
