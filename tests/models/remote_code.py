"""Loads saved models where vpns_hf cannot be imported; run as `python -I remote_code.py FOLDER...`.

What each computes of the pictures beside its folder is written to `output` beside it.
"""

from __future__ import annotations

import importlib.abc
import json
import sys
from pathlib import Path

FORBIDDEN = "vpns_hf"


class Forbid(importlib.abc.MetaPathFinder):
    """Makes the package unimportable even where it is installed."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] == FORBIDDEN:
            raise ModuleNotFoundError(f"{fullname} is not installed here", name=fullname)


def main(folder: Path) -> None:
    import torch
    from PIL import Image
    from safetensors.torch import load_file, save_file
    from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageClassification, pipeline

    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    model = AutoModelForImageClassification.from_pretrained(folder, trust_remote_code=True)
    processor = AutoImageProcessor.from_pretrained(folder, trust_remote_code=True)
    output = folder.parent / "output"
    image = Image.open(folder.parent / "picture.png")
    x = load_file(folder.parent / "pictures.safetensors")["x"]
    with torch.no_grad():
        tensors = {
            "prompted": model(x, prompted=True).logits,
            "plain": model(x, prompted=False).logits,
            "processed": processor(image, return_tensors="pt")["pixel_values"],
        }
    classify = pipeline("image-classification", model=str(folder), trust_remote_code=True)
    output.mkdir()
    save_file(tensors, output / "tensors.safetensors")
    model.save_pretrained(output / "resaved")
    processor.save_pretrained(output / "resaved")
    again = AutoModelForImageClassification.from_pretrained(output / "resaved", trust_remote_code=True)
    facts = {
        "package_importable": can_import(FORBIDDEN),
        "package_loaded": any(name.partition(".")[0] == FORBIDDEN for name in sys.modules),
        "config_module": type(config).__module__,
        "model_module": type(model).__module__,
        "processor": type(processor).__name__,
        "pipeline": classify(image, top_k=3),
        "sparsity": model.sparsity,
        "resaved_equal": torch.equal(again(x).logits, model(x).logits),
    }
    (output / "facts.json").write_text(json.dumps(facts))


def can_import(name: str) -> bool:
    try:
        __import__(name)
    except ModuleNotFoundError:
        return False
    return True


if __name__ == "__main__":
    sys.meta_path.insert(0, Forbid())
    for saved in sys.argv[1:]:
        main(Path(saved))
