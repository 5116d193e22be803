"""What one renewal of the mask costs during mask learning, beside the obvious way of doing it."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median
from time import perf_counter

import torch
from torch import Tensor

from vpns_hf.pruning import num_dropped
from vpns_hf.pruning.thresholds import MaskedWeights, make_selector, write_masked_weights, write_masks

FOLLOWED = "all of it, following the last masks"


def resnet18_shapes() -> list[tuple[int, ...]]:
    """The 21 prunable weights of ResNet-18 with 1000 classes: 11,678,912 entries."""
    shapes: list[tuple[int, ...]] = [(64, 3, 7, 7)]
    inputs = 64
    for width in (64, 128, 256, 512):
        shortcut = [] if width == inputs else [(width, inputs, 1, 1)]
        shapes += [*shortcut, (width, inputs, 3, 3), *[(width, width, 3, 3)] * 3]
        inputs = width
    return [*shapes, (1000, 512)]


class MaskRenewal:
    """Scores that move a little per step, and the two ways to renew masks and masked weights from them.

    The plain way allocates its results anew; each side works on its own.
    """

    def __init__(self, sparsity: float) -> None:
        self.generator = torch.Generator().manual_seed(7)
        self.weights = [self._normal(shape) * math.sqrt(2 / math.prod(shape[1:])) for shape in resnet18_shapes()]
        self.scores = [weight * math.sqrt(3) / weight.abs().max() for weight in self.weights]
        self.masks = [torch.empty(weight.shape, dtype=torch.bool) for weight in self.weights]
        self.masked = [torch.empty_like(weight) for weight in self.weights]
        self.dropped = num_dropped(sum(weight.numel() for weight in self.weights), sparsity)
        self.selector = make_selector(self.dropped, "cpu")
        self.threshold = self.selector.select(self.scores)
        self.followed = self._copied_layers()
        self.follower = make_selector(self.dropped, "cpu")
        self.follow()
        self.plain_value, self.plain_masks, self.plain_masked = self.threshold.value, self.masks, self.masked

    def _normal(self, shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=self.generator)

    def _copied_layers(self) -> MaskedWeights:
        masks, masked = ([tensor.clone() for tensor in group] for group in (self.masks, self.masked))
        return MaskedWeights(self.weights, masks, masked)

    def move(self) -> None:
        """Change every score by about 3e-4, like a step of Adam."""
        for score in self.scores:
            score.add_(self._normal(score.shape), alpha=3e-4)

    def select(self) -> None:
        self.threshold = self.selector.select(self.scores)

    def write_masks(self) -> None:
        write_masks(self.scores, self.threshold, self.masks)

    def write_masked_weights(self) -> None:
        write_masked_weights(self.weights, self.masks, self.masked)

    def follow(self) -> None:
        """Select and write in one, as stage 1 does, with the last masks known."""
        self.follower.renew(self.scores, self.followed)

    def select_plainly(self) -> None:
        magnitudes = torch.cat([score.flatten() for score in self.scores]).abs()
        self.plain_value = magnitudes.kthvalue(self.dropped).values

    def write_masks_plainly(self) -> None:
        self.plain_masks = [score.abs() > self.plain_value for score in self.scores]

    def write_masked_weights_plainly(self) -> None:
        self.plain_masked = [weight * mask for weight, mask in zip(self.weights, self.plain_masks, strict=True)]


def benchmark_selection(sparsity: float = 0.7, repeats: int = 9) -> list[dict[str, str | float]]:
    """Time each part of a renewal of ResNet-18's masks, on the CPU, against its plain version.

    The two sides alternate on the same scores, which move before each pair. The plain side also drops more than asked
    for when scores tie.

    Returns:
        One row per part, one for their sum and one for what stage 1 does instead: name, ours and reference (medians), unit and ratio (ours / reference).
    """
    case = MaskRenewal(sparsity)
    parts: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
        "select the threshold": (case.select, case.select_plainly),
        "write the masks": (case.write_masks, case.write_masks_plainly),
        "write the masked weights": (case.write_masked_weights, case.write_masked_weights_plainly),
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in [*parts, "all of it", FOLLOWED]}
    for _ in range(repeats):
        case.move()
        pairs = {name: (_milliseconds(ours), _milliseconds(plain)) for name, (ours, plain) in parts.items()}
        pairs["all of it"] = tuple(map(sum, zip(*pairs.values(), strict=True)))
        pairs[FOLLOWED] = _milliseconds(case.follow), pairs["all of it"][1]
        for name, pair in pairs.items():
            times[name].append(pair)
    return [_row(name, pairs) for name, pairs in times.items()]


def _milliseconds(work: Callable[[], None]) -> float:
    start = perf_counter()
    work()
    return 1000 * (perf_counter() - start)


def _row(name: str, pairs: list[tuple[float, float]]) -> dict[str, str | float]:
    ours, reference = (median(side) for side in zip(*pairs, strict=True))
    return {"name": name, "ours": ours, "reference": reference, "unit": "ms", "ratio": ours / reference}
