"""Paths with higher edge weights: random walks that favour large weights, whose weights stay, without data."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ...models import VPNsForImageClassification
from ..sparsity import num_dropped
from .base import Scores, ScoringContext
from .channel_graph import Crossing, channel_graph
from .pooling import Largest
from .walks import NEVER, Kernels, Passage, Spread, walk

logger = logging.getLogger(__name__)

CHUNK = 1 << 14  # walks at a time
WORTHWHILE = 1e-4  # of all weights, that a chunk has to reach anew


@dataclass(frozen=True)
class Phew:
    """Ranks weights by the first walk that passes them, the earliest highest; below, by |w|, those that none passes.

    Walks alternate between forward, from each input channel in turn, and backward, from each mapped logit in turn, until
    they have passed as many weights as stay; a unit is passed with the first of its weights. Where a chunk of them reaches almost nothing anew, |w| decides on the rest.
    Source: Patil and Dovrolis, "PHEW: Constructing sparse networks that learn fast and generalize well without training
    data", arXiv 2010.11354, section 4; that an identity is a branch like others is ours.

    Attributes:
        sparsity: the fraction of all weights that goes, in [0, 1).
    """

    sparsity: float

    def __call__(self, context: ScoringContext) -> Scores:
        """Returns scores, float64, ranked as they are.

        Raises:
            InputError: as `channel_graph`.
        """
        graph = channel_graph(context.model)
        layers = _layers(context.model, head=graph[-1].layer)
        total = sum(layer.first.size for layer in layers.values())
        kept = total - num_dropped(total, self.sparsity)
        walks = _walk_until(kept, graph, layers, context)
        passed = sum(layer.visited for layer in layers.values())
        if passed < kept:
            logger.warning(
                "%d walks passed %d weights of the %d that stay; the other %d are those of largest magnitude",
                *(walks, passed, kept, kept - passed),
            )
        return Scores(_ranked(layers, walks, context.model), by_magnitude=False, pooling=Largest())


def _layers(model: VPNsForImageClassification, head: str | None) -> dict[str, Kernels]:
    """Returns the layers as walks see them; in the head they end in rows that are read."""
    mapping, layers = model.label_mapping.tolist(), {}
    for name, layer in model.masked_layers().items():
        magnitudes = layer.masked().float().abs().cpu().numpy()
        layers[name] = Kernels(magnitudes, getattr(layer, "groups", 1), mapping if name == head else None)
    return layers


def _walk_until(kept: int, graph: Sequence[Crossing], layers: dict[str, Kernels], context: ScoringContext) -> int:
    """Walks until `kept` weights are passed, or little is left to reach; returns the number of walks."""
    passages: list[Passage] = [Spread(node.spread) if node.layer is None else layers[node.layer] for node in graph]
    worthwhile = WORTHWHILE * sum(layer.first.size for layer in layers.values())
    generator, done, passed = np.random.default_rng(context.seed), 0, 0
    inputs = np.arange(len(context.model.config.image_mean))
    logits = context.model.label_mapping.cpu().numpy()
    while passed < kept:
        numbers = np.arange(done, done + CHUNK)
        ahead, back = numbers[::2], numbers[1::2]
        walk(graph, passages, inputs[ahead // 2 % len(inputs)], ahead, generator)
        walk(graph, passages, logits[back // 2 % len(logits)], back, generator, backward=True)
        before, passed, done = passed, sum(layer.visited for layer in layers.values()), done + CHUNK
        if passed - before < max(worthwhile, 1):
            break
    return done


def _ranked(layers: dict[str, Kernels], walks: int, model: VPNsForImageClassification) -> dict[str, torch.Tensor]:
    """Returns the scores: above 1 of weights that a walk has passed, below 1 of the others; takes the layers apart."""
    largest = max(float(layer.magnitudes.max()) for layer in layers.values()) or 1.0
    scores = {}
    for name, weight in ((name, entry.weight) for name, entry in model.masked_layers().items()):
        layer = layers.pop(name)
        found = np.subtract(walks + 1.0, layer.first)
        np.copyto(found, layer.magnitudes.ravel() / (2 * largest), where=layer.first == NEVER)
        scores[name] = torch.from_numpy(found).view(weight.shape).to(weight.device)
    return scores
