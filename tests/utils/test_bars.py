from __future__ import annotations

import sys

import pytest
from tqdm.notebook import tqdm_notebook
from tqdm.std import tqdm

from vpns_hf.utils import bars


@pytest.mark.parametrize(
    ("kind", "terminal", "disabled", "hidden"),
    [
        (tqdm, True, False, False),
        (tqdm, False, False, True),
        (tqdm, True, True, True),
        (tqdm_notebook, False, False, False),
        (tqdm_notebook, False, True, True),
    ],
)
def test_bars_are_for_terminals_and_notebooks(monkeypatch, kind, terminal, disabled, hidden):
    monkeypatch.setattr(bars, "tqdm", kind)
    monkeypatch.setattr(sys, "stderr", type("Stream", (), {"isatty": lambda self: terminal})())
    assert bars.bars_are_hidden(disabled) is hidden
