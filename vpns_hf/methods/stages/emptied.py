"""Layers that a mask leaves without a weight: said before anything is trained on what is left."""

from __future__ import annotations

import logging
from collections.abc import Collection

from ...models import VPNsForImageClassification
from ...pruning import empty_layers

logger = logging.getLogger(__name__)


def warn_of_empty_layers(model: VPNsForImageClassification, sparsity: float, known: Collection[str] = ()) -> list[str]:
    """Returns the names of the layers without a weight, after a warning that names those that are not known yet."""
    empty = empty_layers(model)
    if new := [name for name in empty if name not in known]:
        logger.warning(
            "at sparsity %g no weight is left in %s: nothing of the picture passes through; "
            "lower the sparsity or give --scope layer",
            sparsity,
            ", ".join(new),
        )
    return empty
