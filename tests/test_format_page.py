"""What docs/format.md says, held against the code."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from transformers import AutoConfig, ResNetForImageClassification

from tests.helpers import pictures, tiny_model
from vpns_hf.models.sparse_storage import STORAGE_VERSION

PAGE = (Path(__file__).parent.parent / "docs" / "format.md").read_text(encoding="utf-8")


def test_the_page_is_of_the_version_that_is_written():
    assert PAGE.startswith(f"# Saved models, format version {STORAGE_VERSION}\n")


def test_the_stock_class_loads_as_it_is_shown(tmp_path):
    model = tiny_model()
    model.save_pretrained(tmp_path, sparse=False)
    [code] = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    names = {
        "AutoConfig": AutoConfig,
        "ResNetForImageClassification": ResNetForImageClassification,
        "folder": tmp_path,
    }
    exec(code, names)
    assert torch.equal(names["stock"](pictures()).logits, model.to_backbone()(pictures()).logits)
