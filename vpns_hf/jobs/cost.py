"""What a model takes to store and to run, beside the stock network."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from safetensors.torch import save_file
from transformers import PreTrainedModel

from ..metrics import count_macs, device_name, fastest_milliseconds
from ..models import VPNsForImageClassification
from ..models.stock import stock_classifier
from ..reporting import CostRecord

BATCH_SIZE = 1


def measure_cost(model: VPNsForImageClassification) -> CostRecord:
    """Counts operations and bytes, and times one picture, in evaluation mode; the model is left as it was."""
    was_training = model.training
    model.eval()
    stock = dense_network(model)
    side = model.config.image_size
    pixels = torch.rand(BATCH_SIZE, 3, side, side, device=model.device, dtype=model.dtype)
    normalised = model.normalise(pixels)
    dense, pruned = count_macs(stock, normalised[:1]), count_macs(model, pixels[:1])  # a prompt may enlarge a picture
    calls = {"pruned": lambda: model(pixels).logits, "dense": lambda: stock(normalised).logits}
    times = fastest_milliseconds(calls, model.device)
    model.train(was_training)
    return CostRecord(
        macs=dense.dense,
        macs_nonzero=pruned.nonzero,
        dense_bytes=_bytes_on_disk(stock),
        milliseconds=times["pruned"],
        dense_milliseconds=times["dense"],
        batch_size=BATCH_SIZE,
        device=device_name(model.device),
        dtype=str(model.dtype).removeprefix("torch."),
    )


def dense_network(model: VPNsForImageClassification) -> PreTrainedModel:
    """Returns the stock network; of other values where channels were removed, of which cost does not depend."""
    if model.config.widths is None:
        return model.to_backbone()
    with torch.random.fork_rng(devices=[]):
        stock = stock_classifier(copy.deepcopy(model.config.backbone_config))
    return stock.to(device=model.device, dtype=model.dtype).eval()


def measure_cost_once(model: VPNsForImageClassification, accelerator: Accelerator) -> CostRecord:
    """Measures on the main process, while the others wait; every process gets its record."""
    records = [measure_cost(model) if accelerator.is_main_process else None]
    return broadcast_object_list(records)[0]


def _bytes_on_disk(stock: torch.nn.Module) -> int:
    tensors = {name: tensor.cpu().contiguous().clone() for name, tensor in stock.state_dict().items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        save_file(tensors, path, metadata={"format": "pt"})
        return path.stat().st_size
