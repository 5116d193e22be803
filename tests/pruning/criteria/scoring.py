"""What tests of several criteria look at."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tests.helpers import copied, hand_pictures, sine
from tests.training_helpers import dense_model, plain_hand_model
from vpns_hf import VPNsForImageClassification
from vpns_hf.data import Batch
from vpns_hf.pruning import Pruner
from vpns_hf.pruning.criteria import Criterion, ScoringContext

LABELS = [1, 4, 0, 5]


def in_batches(images: Tensor, labels: Tensor, size: int) -> list[Batch]:
    return [Batch(*pair) for pair in zip(images.split(size), labels.split(size), strict=True)]


def context(model: VPNsForImageClassification, batches: Sequence[Batch] = ()) -> ScoringContext:
    return ScoringContext(model, lambda: batches)


def hand_context(size: int = 2) -> ScoringContext:
    """The hand-checked net, in training mode, and its four pictures."""
    batches = in_batches(hand_pictures(4, 3, 8, 8), torch.tensor(LABELS), size)
    return context(plain_hand_model().train(), batches)


def exact_hand_model() -> VPNsForImageClassification:
    """The hand-checked net with weights that are not rounded to float32."""
    model = plain_hand_model().double()
    with torch.no_grad():
        for layer, factor, phase in zip(
            model.masked_layers().values(), (0.3, 0.5), ({"rate": 1.0}, {"rate": 0.7, "shift": 0.2}), strict=True
        ):
            layer.weight.copy_(factor * sine(*layer.weight.shape, dtype=torch.float64, **phase))
    return model


def masks_of(model: VPNsForImageClassification) -> dict[str, Tensor]:
    return copied(model.masks())


def kept(model: VPNsForImageClassification) -> list[int]:
    return [int(mask.sum()) for mask in model.masks().values()]


def pruned_in_rounds(
    model: VPNsForImageClassification, criterion: Criterion, sparsities: Sequence[float]
) -> list[int]:
    """Prunes a model in rounds; returns how many weights of each layer are left."""
    for sparsity in sparsities:
        Pruner().apply(model, criterion(context(model)), sparsity)
    return kept(model)


def everything_of(model: VPNsForImageClassification) -> dict[str, object]:
    """What a criterion must leave as it was beside the values of the model."""
    return {
        "kinds": [type(module) for module in model.modules()],
        "modes": [module.training for module in model.modules()],
        "asked": [parameter.requires_grad for parameter in model.parameters()],
        "gradients": [parameter.grad is None for parameter in model.parameters()],
        "TF32": tf32(),
    }


def tf32() -> list[bool]:
    """Whether matrices and convolutions are multiplied in less than float32 where a GPU can."""
    return [torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32]


def unusual_model(model: VPNsForImageClassification | None = None) -> VPNsForImageClassification:
    """A model in training mode but for its first part, of which little wants a gradient."""
    model = (dense_model() if model is None else model).train()
    model.backbone.resnet.embedder.eval()
    model.requires_grad_(False)
    model.visual_prompt.requires_grad_(True)
    return model
