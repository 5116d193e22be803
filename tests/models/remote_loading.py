"""Loads saved models in several ways where vpns_hf cannot be imported; run as `python -I remote_loading.py FOLDER...`.

Prints {way: {tensor: checksum}} as JSON.
"""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from remote_code import FORBIDDEN, Forbid, can_import

WAYS = {
    "plainly": {},
    "bfloat16": {"dtype": "bfloat16"},
    "float16": {"dtype": "float16"},
    "auto": {"device_map": "auto"},
}


def main(folders: list[str]) -> None:
    sys.meta_path.insert(0, Forbid())
    import torch
    from transformers import AutoModelForImageClassification

    def fingerprint(model: torch.nn.Module) -> dict[str, int]:
        tensors = {**model.state_dict(), **{f"masks {name}": mask for name, mask in model.masks().items()}}
        return {
            name: zlib.crc32(tensor.cpu().contiguous().view(-1).view(torch.uint8).numpy(), tensor.element_size())
            for name, tensor in tensors.items()
        }

    found = {}
    for folder in folders:
        for way, options in WAYS.items():
            model = AutoModelForImageClassification.from_pretrained(folder, trust_remote_code=True, **options)
            assert type(model).__module__.startswith("transformers_modules.")
            found[f"{Path(folder).name} {way}"] = fingerprint(model)
    assert not can_import(FORBIDDEN)
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
