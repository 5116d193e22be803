"""N of every M weights, chosen anew as often as the weights have moved."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..models import VPNsForImageClassification
from ..models.masked_layers import MaskedLayer
from .learned_layers import pass_on_gradient, stop_scores
from .n_of_m import NOfM
from .units import UnitGroup, Weights


class FollowingMask:
    """Keeps masks equal to the N highest magnitudes of every M weights while all weights are trained.

    The gradient of a masked weight goes straight through to the weight, and those that are pruned decay, so that the mask
    comes to rest (SR-STE). Source: Zhou et al., "Learning N:M Fine-grained Structured Sparse Neural Networks From
    Scratch", arXiv 2102.04010, section 3.2.

    It begins with the masks of the model: where these are not those of the magnitudes, pruned weights begin at 0.

    Args:
        model: whose layers must not change meanwhile; those that the pattern does not fit stay as they are.
        pattern: N and M.
        decay: lambda, of the pruned weights, at least 0.
    """

    def __init__(self, model: VPNsForImageClassification, pattern: NOfM, decay: float) -> None:
        self._pattern, self._decay = pattern, decay
        layers, groups = model.masked_layers(), Weights().groups(model)
        dense = pattern.dense(groups)
        self._layers: list[tuple[MaskedLayer, UnitGroup]] = [
            (layers[group.name], group) for group in groups if group.name not in dense
        ]
        for layer, _ in self._layers:
            pass_on_gradient(layer)
        self._give_way()

    @torch.no_grad()
    def decay(self, scale: float = 1.0) -> None:
        """Adds lambda * w, times the scale of the gradients, to the gradient of the pruned weights, in place."""
        for layer, _ in self._layers:
            if layer.weight.grad is not None:  # that of a layer nobody has called
                layer.weight.grad.add_(layer.weight - layer.masked(), alpha=self._decay * scale)

    @torch.no_grad()
    def update(self) -> None:
        """Recomputes the masks from the weights, in place.

        Raises:
            InputError: if a weight is NaN.
        """
        for layer, highest in self._highest():
            layer.weight_mask.copy_(highest)

    def finish(self) -> None:
        """Ends it: the masks stay as they are."""
        for layer, _ in self._layers:
            stop_scores(layer)

    @torch.no_grad()
    def _give_way(self) -> None:
        """Sets pruned weights to 0 beside those that the mask keeps though their magnitudes are not the highest."""
        for layer, highest in self._highest():
            weight, mask, found = (
                tensor.unflatten(1, (-1, self._pattern.of)) for tensor in (layer.weight, layer.weight_mask, highest)
            )
            weight.masked_fill_((mask != found).any(2, keepdim=True) & ~mask, 0.0)

    def _highest(self) -> Iterator[tuple[MaskedLayer, Tensor]]:
        for layer, group in self._layers:
            [kept] = self._pattern.keep([layer.weight.abs()], [group], 0.0)
            yield layer, kept
