"""What a job is going to do, in words: said before it starts, and all that a dry run does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from ..data import Splits
from ..data.store import CACHING, DiskSpace
from ..methods import METHODS, Task, dense_stages, unused_options
from ..models import VPNsForImageClassification
from ..pruning import num_dropped
from ..reporting import Passes, StorageSize, count, layer_table, megabytes, short_percent, storage_size
from .arguments import VPNsTrainingArguments
from .results import passes_of


@dataclass(frozen=True)
class Plan:
    """The layers, images and passes of a job.

    Attributes:
        model: the dense model it starts from.
        args: of the job.
        splits: the rows it trains on, selects with and tests on.
        batch_size: images per update over all processes together.
        space: what the decoded images take on disk that are not there yet; None of streams, which are not kept.
        resumed: the checkpoint it goes on from; None if it starts anew.
    """

    model: VPNsForImageClassification
    args: VPNsTrainingArguments
    splits: Splits
    batch_size: int
    space: DiskSpace | None
    resumed: Path | None = None

    def __str__(self) -> str:
        shapes = {name: tuple(mask.shape) for name, mask in self.model.masks().items()}
        sections = [layer_table(shapes, _grouped(self.model.skipped_layers())), *self._facts()]
        return "\n\n".join([sections[0], "\n".join(sections[1:])])

    def passes(self, sparsity: float) -> Passes:
        """Returns how often the method goes through the training images for a sparsity."""
        return passes_of(METHODS[self.args.method].stages(self.args, self._task(sparsity)))

    def dense_passes(self) -> float:
        """Returns the same of the dense reference."""
        return passes_of(dense_stages(self.args, self._task(0.0))).total

    def _task(self, sparsity: float) -> Task:
        return Task(sparsity, len(self.splits.train), len(self.splits.class_names))

    def bytes_on_disk(self, sparsity: float) -> int:
        """Returns the expected size of `model.safetensors`: kept values, one bit per weight, all other tensors."""
        return self._size(sparsity).total

    def _size(self, sparsity: float) -> StorageSize:
        total = sum(mask.numel() for mask in self.model.masks().values())
        return storage_size(self.model, total - num_dropped(total, sparsity))

    def _facts(self) -> list[str]:
        values = self.model.visual_prompt.num_values
        sizes = {split: len(rows) for split, rows in vars(self.splits).items() if hasattr(rows, "features")}
        images = ", ".join(f"{count(size)} {split}" for split, size in sizes.items())
        lines = [
            f"Images: {images}; {len(self.splits.class_names)} classes",
            f"Decoded images: {self._decoded()}",
            f"Batch size: {count(self.batch_size)}",
            f"Visual prompt: {self.args.visual_prompt}, {count(values)} trainable values",
            f"Label mapping: {self.model.config.label_mapping_method}",
            f"Passes over the training images: {self._passes()}",
            *self._without_effect(),
        ]
        if self.args.torch_compile:
            lines.append("Compiled network: the first update of each stage takes long, on CPUs minutes")
        dense = megabytes(self.bytes_on_disk(0.0))
        for sparsity in self.args.sparsities:
            size = self._size(sparsity)
            mask = f"mask {megabytes(size.mask)}, entropy bound {megabytes(size.entropy_bound)}"
            lines.append(
                f"Expected size at {short_percent(sparsity)} sparsity: {megabytes(size.total)} ({mask}; all weights kept: {dense})"
            )
        resumed = (
            []
            if self.resumed is None
            else [
                f"Goes on from {self.resumed}, if what it was started with is the same; what is finished is not run again"
            ]
        )
        return [*lines, f"Output: {self.args.output_dir}", *resumed]

    def _decoded(self) -> str:
        if self.space is None:
            return "made anew for every batch, from a stream"
        if not CACHING[self.args.cache_images](self.space):
            return "made anew for every batch"
        return f"about {self.space}" if self.space.needed else f"in {self.space.root} already"

    def _passes(self) -> str:
        by_sparsity = {sparsity: self.passes(sparsity) for sparsity in self.args.sparsities}
        first, runs = next(iter(by_sparsity.values())), len(by_sparsity)
        if len(set(by_sparsity.values())) > 1:
            parts = [f"{in_words(passes)} at {short_percent(sparsity)}" for sparsity, passes in by_sparsity.items()]
        else:
            parts = [f"{in_words(first)} for " + (f"each of {runs} sparsities" if runs > 1 else "the one sparsity")]
        if self.args.dense_reference:
            parts.append(f"{self.dense_passes():g} for the dense reference")
        if self.args.pretrain_epochs:
            parts.append(f"{self.args.pretrain_epochs} to pre-train")
        return ", ".join(parts)

    def _without_effect(self) -> list[str]:
        """Names the options that were given and that the method does not use."""
        defaults = {entry.name: entry.default for entry in fields(self.args)}
        given = [
            name for name in unused_options(self.args.method, self.args) if getattr(self.args, name) != defaults[name]
        ]
        return [f"Without effect on {self.args.method}: {', '.join(given)}"] if given else []


def in_words(passes: Passes) -> str:
    """Returns the passes of a run, their parts where there are several."""
    parts = {name: value for name, value in vars(passes).items() if value}
    if len(parts) < 2:
        return f"{passes.total:g}"
    return f"{passes.total:.4g} ({', '.join(f'{value:.3g} {name}' for name, value in parts.items())})"


def _grouped(skipped: Mapping[str, str]) -> dict[str, str]:
    """Names one layer per reason and counts the others, so that twenty normalisations take one line."""
    names = defaultdict(list)
    for name, reason in skipped.items():
        names[reason].append(name)
    return {_first_of(group): reason for reason, group in names.items()}


def _first_of(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
