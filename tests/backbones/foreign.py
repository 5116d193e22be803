"""Weights of a tiny ResNet in the layouts of other libraries, written to files, and a file that holds code."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedModel

from vpns_hf.backbones.layouts import LAYOUTS

PRETRAINED = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.5], "input_size": [3, 32, 32]}


def foreign_tensors(model: PreTrainedModel, library: str = "timm") -> dict[str, Tensor]:
    """The model's tensors as that library names and shapes them."""
    return LAYOUTS[library][model.config.model_type].to_theirs(model)


def timm_folder(folder: Path, model: PreTrainedModel, **fields: object) -> Path:
    """Writes the model as timm would have saved it; `fields` take the place of those of its config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.clone().contiguous() for name, tensor in foreign_tensors(model).items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    shape = {"layers": list(model.config.depths), "channels": list(model.config.hidden_sizes)}
    config = {
        "architecture": "resnet18",
        "num_classes": model.config.num_labels,
        "model_args": shape,
        "pretrained_cfg": PRETRAINED,
    }
    (folder / "config.json").write_text(json.dumps({**config, **fields}))
    return folder


class Marker:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)
