"""What docs/format.md says, held against the code."""

from __future__ import annotations

import pytest
import torch

from tests.documents import Page
from tests.helpers import pictures, tiny_model
from vpns_hf.models.sparse_storage import STORAGE_VERSION

PAGE = Page("docs/format.md")


def test_the_page_is_of_the_version_that_is_written():
    assert PAGE.text.startswith(f"# Saved models, format version {STORAGE_VERSION}\n")


@pytest.mark.slow
def test_the_stock_class_loads_as_it_is_shown(monkeypatch, tmp_path):
    model = tiny_model()
    model.save_pretrained(tmp_path / "output" / "digits" / "sparsity-70")
    monkeypatch.chdir(tmp_path)
    [code] = PAGE.blocks("python")
    names = {}
    exec(code, names)
    assert torch.equal(names["stock"](pictures()).logits, model.to_backbone()(pictures()).logits)
