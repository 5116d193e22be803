"""Loads a VGG, and a pruned one, without vpns_hf and then with it; run as `python -I remote_vgg.py FOLDER PROJECT`.

Prints one JSON object; FOLDER holds `vgg`, `pruned` and `pictures.safetensors`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(folder: Path, project: Path) -> None:
    sys.modules["vpns_hf"] = None  # makes its import fail
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForImageClassification

    x = load_file(folder / "pictures.safetensors")["x"]

    def load(name: str):
        return AutoModelForImageClassification.from_pretrained(folder / name, trust_remote_code=True)

    vgg, pruned = load("vgg"), load("pruned")
    dense = pruned.to_dense()
    facts = {
        "modules": [type(model).__module__ for model in (vgg, pruned, pruned.backbone, dense)],
        "logits": [model(x).logits.tolist() for model in (vgg, pruned)],
    }

    del sys.modules["vpns_hf"]
    sys.path.insert(0, str(project))
    from vpns_hf import VPNsForImageClassification

    again, own = load("pruned"), VPNsForImageClassification.from_pretrained(folder / "pruned")
    adopted = VPNsForImageClassification.from_backbone(vgg, image_size=16, prompt_size=2)
    facts |= {
        "own_modules": [type(model.backbone).__module__ for model in (again, own, adopted)],
        "own_logits": [model(x).logits.tolist() for model in (own, again)],
        "adopted_equal": torch.equal(adopted(x, prompted=False).logits, vgg(adopted.normalise(x)).logits),
        "still_folds": torch.equal(pruned.to_dense()(x).logits, dense(x).logits),
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
