"""What cells cost: passes, bytes, and seconds by a few measured steps."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch

from ..errors import InputError
from ..jobs import Plan, VPNsTrainer
from ..methods import MethodOptions
from ..models import VPNsForImageClassification
from .cell import Cell

IMAGES = 8  # of a measured step, or so many more as it takes to measure it
ENOUGH = 0.25  # seconds
STEPS = 3


@dataclass(frozen=True)
class Cost:
    """What a run, or a network that runs share, costs; None where it is not known.

    Attributes:
        passes: over the training images.
        bytes: on disk.
        seconds: of one job.
    """

    passes: float | None
    bytes: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Workload:
    """A model on a data set, which many cells have in common.

    Attributes:
        plan: of a job.
        start: seconds until a job begins to train, of a processor.
        image: seconds that one image takes forward and backward.
    """

    plan: Plan
    start: float
    image: float

    def seconds(self, passes: float) -> float:
        """Returns how long so many passes over the training images take."""
        return passes * len(self.plan.splits.train) * self.image


class Estimate:
    """Tells what cells cost; each model on each data set is loaded once, and a few steps are taken with it."""

    def __init__(self) -> None:
        self._workloads: dict[str, Workload | None] = {}
        self._faults: dict[str, dict[str, None]] = {}

    @property
    def remarks(self) -> list[str]:
        """What could not be looked at here, and why, a line for each reason."""
        return [f"Not looked at, {' and '.join(names)}: {reason}" for reason, names in self._faults.items()]

    @property
    def decoded_bytes(self) -> int:
        """What decoded images take that are not there yet, of the models and data sets so far."""
        known = [each.plan.space for each in self._workloads.values() if each is not None]
        return sum(space.needed for space in known if space is not None)

    def cost(self, cell: Cell) -> Cost:
        """Returns what a cell costs, without what it shares with others."""
        workload = self._workload(cell)
        if workload is None:
            return Cost(cell.args.total_passes)
        plan = replace(workload.plan, args=cell.args)
        passes = plan.passes(cell.sparsity).total
        return Cost(passes, plan.bytes_on_disk(cell.sparsity), workload.start + workload.seconds(passes))

    def shared(self, cells: Sequence[Cell]) -> list[Cost]:
        """Returns what the pre-trained networks and dense references of cells cost, each once."""
        found: dict[tuple, Cost] = {}
        for cell in cells:
            workload = self._workload(cell)
            if workload is None:
                continue
            plan = replace(workload.plan, args=cell.args)
            asked = {"pre-training": [cell.args.pretrain_epochs], "reference": plan.dense_passes()}
            for part, passes in ((part, each) for part, several in asked.items() for each in several if each):
                cost = Cost(passes, plan.bytes_on_disk(0.0), workload.seconds(passes))
                found.setdefault((_key(cell), cell.args.seed, part, passes), cost)
        return list(found.values())

    def _workload(self, cell: Cell) -> Workload | None:
        key = _key(cell)
        if key not in self._workloads:
            try:
                self._workloads[key] = _measured(cell)
            except InputError as error:
                self._workloads[key] = None
                name = f"{cell.inputs.model_name_or_path} on {cell.inputs.dataset_name}"
                self._faults.setdefault(str(error), {})[name] = None
        return self._workloads[key]


def _key(cell: Cell) -> str:
    """Returns what cells have in common that work on the same images with the same network."""
    own = {"method", "sparsities", *(entry.name for entry in fields(MethodOptions))}
    return json.dumps({name: value for name, value in cell.identity.items() if name not in own}, sort_keys=True)


def _measured(cell: Cell) -> Workload:
    begin = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        trainer = VPNsTrainer.of(cell.inputs, replace(cell.args, output_dir=folder))
        plan = trainer.plan()
    start = time.process_time() - begin
    return Workload(plan, start, seconds_per_image(trainer.base, plan.batch_size, cell.threads))


def seconds_per_image(model: VPNsForImageClassification, batch_size: int, threads: int) -> float:
    """Returns the seconds that an image takes forward and backward, the mean of both views, on random pictures.

    Args:
        model: of a job.
        batch_size: images of an update; fewer are taken where they take long enough.
        threads: of the job.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        images = min(IMAGES, batch_size)
        while _step(model, images, prompted=False) < ENOUGH and images < batch_size:
            images = min(2 * images, batch_size)
        views = [True, False] if model.has_prompt else [False]
        times = [min(_step(model, images, view) for _ in range(STEPS)) for view in views]
    finally:
        torch.set_num_threads(before)
    return sum(times) / len(times) / images


def _step(model: VPNsForImageClassification, images: int, prompted: bool) -> float:
    side = model.config.image_size
    pixels = torch.rand(images, 3, side, side, device=model.device)
    labels = torch.zeros(images, dtype=torch.long, device=model.device)
    # On CPUs the time that threads compute, whatever else keeps the machine busy now.
    clock = time.perf_counter if pixels.is_cuda else lambda: time.process_time() / torch.get_num_threads()
    begin = clock()
    model(pixels, labels, prompted=prompted).loss.backward()
    if pixels.is_cuda:
        torch.cuda.synchronize()
    model.zero_grad()
    return clock() - begin
