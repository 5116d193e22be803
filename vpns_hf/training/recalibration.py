"""Running statistics estimated anew for a network that a mask has changed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import count, islice

import torch

from vpns_hf.data import Batch, TrainBatches
from vpns_hf.data.early_batches import EarlyTrainBatches

from .global_batch_norm import over_all_processes
from .run import Run
from .stages import PLAIN, PROMPTED, Stage
from .statistics import normalisation_layers, synchronise_statistics

logger = logging.getLogger(__name__)


class RecalibrateBatchNorm(Stage):
    """Replaces the running statistics of batch norm by the mean over training batches of both views, in turn.

    The mean and variance of a batch are those of all its images, whichever process has them. Everything else is in evaluation mode. Source: Li et al., "EagleEye", arXiv 2007.02491, section 3.3.

    Args:
        batches: of each view, over all processes together.
    """

    name = "bn_recalibration"

    def __init__(self, batches: int) -> None:
        self.batches = batches

    @torch.no_grad()
    def run(self, run: Run) -> None:
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
        with run.timed(self.name), over_all_processes(layers, run.accelerator):
            self._pass(run)
        synchronise_statistics(run.model, run.accelerator)  # those of layers that are no batch norm
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
