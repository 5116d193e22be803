"""Whether progress bars are shown."""

from __future__ import annotations

import sys

from tqdm.auto import tqdm


def bars_are_hidden(disabled: bool = False) -> bool:
    """Returns whether no bars are shown: none is wanted, or they would fill a file or a pipe; a notebook shows them."""
    in_notebook = any(kind.__name__ == "tqdm_notebook" for kind in tqdm.__mro__)
    return disabled or not (in_notebook or sys.stderr.isatty())
