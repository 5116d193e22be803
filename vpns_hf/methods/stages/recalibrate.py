"""Running statistics estimated anew for a network that a mask has changed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import count, islice

import torch

from ...data.batches import Batch, EarlyTrainBatches, TrainBatches
from ...training import PLAIN, PROMPTED, ModelStage, Run, normalisation_layers, synchronise_statistics
from ..options import RecalibrationOptions

logger = logging.getLogger(__name__)


class RecalibrateBatchNorm(ModelStage):
    """Replaces the running statistics of batch norm by the mean over training batches of both views, in turn.

    Each process estimates from its share of the batches, and the estimates are averaged. Everything else is in
    evaluation mode. Source: Li et al., "EagleEye", arXiv 2007.02491, section 3.3.

    Args:
        batches: of each view, over all processes together.
    """

    name = "bn_recalibration"

    def __init__(self, batches: int) -> None:
        self.batches = batches

    @classmethod
    def of(cls, options: RecalibrationOptions) -> list[RecalibrateBatchNorm]:
        """Returns the stage, if one is asked for."""
        return [cls(options.bn_recalibration)] if options.bn_recalibration else []

    @torch.no_grad()
    def apply(self, run: Run) -> None:
        layers = list(normalisation_layers(run.model))
        if not layers:
            logger.warning("bn_recalibration does nothing: the network has no batch norm with running statistics")
            return
        momenta = [layer.momentum for layer in layers]
        run.model.eval()
        for layer in layers:
            layer.reset_running_stats()
            layer.train()
            layer.momentum = None  # torch's sign for the cumulative average
        self._pass(run)
        synchronise_statistics(run.model, run.accelerator)
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
            layer.eval()

    def _pass(self, run: Run) -> None:
        updates = [PROMPTED, PLAIN]
        streams = [islice(_endless(update.stream(run.data)), self.batches) for update in updates]
        for batches in zip(*streams, strict=True):
            for update, batch in zip(updates, batches, strict=True):
                with run.accelerator.autocast():
                    run.model.source_logits(batch.pixel_values, update.prompted)
                run.tell("on_evaluation_batch")


def _endless(stream: TrainBatches | EarlyTrainBatches) -> Iterator[Batch]:
    """Goes through epochs that no stage trains on."""
    return (batch for number in count() for batch in stream.epoch(-number))
