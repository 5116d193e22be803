"""What a job is going to do, in words: said before it starts, and all that a dry run does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from ..data import Splits
from ..data.store import CACHING, NOT_IN_A_STREAM, DiskSpace
from ..label_mapping import LABEL_MAPPINGS, FrequencyMapping
from ..methods import METHODS, Task, foreseen_empty_layers, mapping_fits, passes_of, pruner_in, unused_options
from ..methods.stages import FineTuneStage
from ..models import VPNsForImageClassification
from ..pruning import UNITS, ChannelPlan, Granularity, NOfM, StartingMask, UnitGroup, excluded_layers, num_dropped
from ..reporting import Passes, StorageSize, count, layer_table, megabytes, percent, short_percent, storage_size
from ..training import Stage, TrainingStage
from .arguments import VPNsTrainingArguments
from .dense_reference import references_of
from .setup import task_of


@dataclass(frozen=True)
class Plan:
    """The layers, images and passes of a job.

    Attributes:
        model: the dense model it starts from.
        args: of the job.
        splits: the rows it trains on, selects with and tests on.
        batch_size: images per update over all processes together.
        space: what the decoded images take on disk that are not there yet; None of streams, which are not kept.
        goes_on: what is there already that it goes on from, in words; empty if it starts anew.
        start: the mask of another run that it starts from; None without.
        class_weights: what an image of each class counts in training, (C,); None where all count alike.
    """

    model: VPNsForImageClassification
    args: VPNsTrainingArguments
    splits: Splits
    batch_size: int
    space: DiskSpace | None
    goes_on: str = ""
    start: StartingMask | None = None
    class_weights: np.ndarray | None = None

    def __str__(self) -> str:
        shapes = {name: tuple(mask.shape) for name, mask in self.model.masks().items()}
        sections = [layer_table(shapes, _grouped(self.model.skipped_layers())), *self._facts()]
        return "\n\n".join([sections[0], "\n".join(sections[1:])])

    def passes(self, sparsity: float) -> Passes:
        """Returns how often the method goes through the training images for a sparsity."""
        return passes_of(self._stages[sparsity])

    def dense_passes(self) -> list[float]:
        """Returns the same of each dense reference; several where sparsities cost different passes."""
        return list(references_of(self.args, self._task))

    def _task(self, sparsity: float) -> Task:
        return task_of(sparsity, self.splits, self.batch_size, self.start)

    @cached_property
    def _stages(self) -> dict[float, list[Stage]]:
        """The stages of each sparsity."""
        method = METHODS[self.args.method]
        return {sparsity: method.stages(self.args, self._task(sparsity)) for sparsity in self.args.sparsities}

    def bytes_on_disk(self, sparsity: float) -> int:
        """Returns the expected size of `model.safetensors`: kept values, one bit per weight, all other tensors."""
        return self._size(sparsity).total

    def _size(self, sparsity: float) -> StorageSize:
        if self._channels is not None and sparsity:
            return storage_size(self._channels.without(sparsity))
        total = sum(mask.numel() for mask in self.model.masks().values())
        pattern = self._pattern
        removed = num_dropped(total, sparsity) if pattern is None or not sparsity else pattern.removed(self._groups)
        return storage_size(self.model, total - removed)

    @cached_property
    def _channels(self) -> ChannelPlan | None:
        if not Granularity.named(self.args.granularity).is_of_channels or self.args.method == "dense":
            return None
        return ChannelPlan(self.model, pruner_in(self._stages[self.args.sparsities[0]]))

    @cached_property
    def _pattern(self) -> NOfM | None:
        return Granularity.named(self.args.granularity, self.args.exclude or ()).pattern

    @cached_property
    def _groups(self) -> list[UnitGroup]:
        return UNITS["weight"].groups(self.model)

    def _facts(self) -> list[str]:
        values = self.model.visual_prompt.num_values
        sizes = {split: len(rows) for split, rows in vars(self.splits).items() if hasattr(rows, "features")}
        images = ", ".join(f"{count(size)} {split}" for split, size in sizes.items())
        lines = [
            f"Images: {images}; {len(self.splits.class_names)} classes",
            f"Decoded images: {self._decoded()}",
            f"Batch size: {self._batch_size()}",
            f"Visual prompt: {self.args.visual_prompt}, {count(values)} trainable values",
            f"Label mapping: {self.model.config.label_mapping_method}",
            f"Passes over the training images: {self._passes()}",
            *self._copies_unseen(),
            *self._weighted(),
            *self._taught(),
            *self._started(),
            *self._excluded(),
            *self._patterned(),
            *self._followed(),
            *self._channelled(),
            *self._scored(),
            *self._without_effect(),
            *self._fitted_once(),
            *self._fitted_anew(),
            *self._left_out(),
            *self._emptied(),
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
        return [*lines, f"Output: {self.args.output_dir}", *([self.goes_on] if self.goes_on else [])]

    def _decoded(self) -> str:
        if self.space is None:
            return "made anew for every batch, from a stream"
        if not CACHING[self.args.cache_images](self.space):
            return "made anew for every batch"
        return f"about {self.space}" if self.space.needed else f"in {self.space.root} already"

    def _copies_unseen(self) -> list[str]:
        """Says of a stream whose images are read for batches alone that the copies among them are not found."""
        unseen = self.space is None and self.args.on_bad_image == "error"
        return [NOT_IN_A_STREAM.capitalize()] if unseen else []

    def _weighted(self) -> list[str]:
        """Says between which classes what an image counts differs."""
        if self.class_weights is None:
            return []
        least, most = (
            f"{self.class_weights[at]:.3g} ({self.splits.class_names[at]})"
            for at in (self.class_weights.argmin(), self.class_weights.argmax())
        )
        return [
            f"Class weights in training: {self.args.class_weights}, {least} to {most}, 1 on average over the images"
        ]

    def _passes(self) -> str:
        by_sparsity = {sparsity: self.passes(sparsity) for sparsity in self.args.sparsities}
        first, runs = next(iter(by_sparsity.values())), len(by_sparsity)
        if len(set(by_sparsity.values())) > 1:
            parts = [f"{passes} at {short_percent(sparsity)}" for sparsity, passes in by_sparsity.items()]
        else:
            parts = [f"{first} for " + (f"each of {runs} sparsities" if runs > 1 else "the one sparsity")]
        if references := self.dense_passes():
            what = "the dense reference" if len(references) == 1 else "the dense references"
            parts.append(f"{' and '.join(f'{passes:g}' for passes in references)} for {what}")
        if self.args.pretrain_epochs:
            parts.append(f"{self.args.pretrain_epochs} to pre-train")
        return ", ".join(parts)

    def _taught(self) -> list[str]:
        """Says how often the teacher goes through the training images."""
        taught = {sparsity: self._taught_passes(sparsity) for sparsity in self.args.sparsities}
        if not any(taught.values()):
            return []
        listed = ", ".join(f"{passes:g} at {short_percent(sparsity)}" for sparsity, passes in taught.items())
        return [f"Teacher: the dense reference, forward alone, so many passes more: {listed}"]

    def _taught_passes(self, sparsity: float) -> float:
        return sum(stage.taught_passes for stage in self._stages[sparsity] if isinstance(stage, FineTuneStage))

    def _started(self) -> list[str]:
        """Names the mask to start from."""
        if self.start is None:
            return []
        removed = f"{count(self.start.removed)} of {count(self.start.total)} weights removed"
        prompt = ", and from its visual prompt" if self.start.prompt else ""
        return [
            f"Starts from the mask of {self.start.source}, {removed}, and from {self.args.init_weights} weights{prompt}"
        ]

    def _excluded(self) -> list[str]:
        """Names the layers that stay dense."""
        if not self.args.exclude or "exclude" in unused_options(self.args.method, self.args):
            return []
        return [f"Excluded, stay dense: {', '.join(excluded_layers(list(self.model.masks()), self.args.exclude))}"]

    def _patterned(self) -> list[str]:
        """Says how much a pattern removes, and which layers it does not fit."""
        if self._pattern is None:
            return []
        total = sum(group.total for group in self._groups)
        lines = [f"{self._pattern.name} removes {percent(self._pattern.removed(self._groups) / total)} of all weights"]
        unfit = _grouped(self._pattern.unfit(self._groups)).items()
        listed = ", ".join(f"{names} ({reason})" for names, reason in unfit)
        return [*lines, f"{self._pattern.name} does not fit, stay dense: {listed}"] if unfit else lines

    def _followed(self) -> list[str]:
        """Says that the mask goes on to change in tuning."""
        if self.args.sr_ste is None:
            return []
        return [f"The mask follows the weights in tuning: SR-STE, lambda {self.args.sr_ste:g}"]

    def _channelled(self) -> list[str]:
        """Says which channels stay whatever is asked for, and what goes of the others."""
        if self._channels is None:
            return []
        lines = [self._channels.in_words(sparsity) for sparsity in self.args.sparsities]
        left = _grouped(self._channels.left)
        listed = ", ".join(f"{names} ({reason})" for names, reason in left.items())
        return [*lines, *([f"Channels that stay, all of them: {listed}"] if left else [])]

    def _scored(self) -> list[str]:
        """Says how many images a criterion reads."""
        if "score_images_per_class" in unused_options(self.args.method, self.args):
            return []
        each, classes = self.args.score_images_per_class, len(self.splits.class_names)
        return [f"Images to rank by: up to {count(each * classes)}, {count(each)} of each class"]

    def _without_effect(self) -> list[str]:
        """Names the options that were given and that the method does not use."""
        defaults = {entry.name: entry.default for entry in fields(self.args)}
        given = [
            name for name in unused_options(self.args.method, self.args) if getattr(self.args, name) != defaults[name]
        ]
        return [f"Without effect on {self.args.method}: {', '.join(given)}"] if given else []

    def _batch_size(self) -> str:
        if self.batch_size <= len(self.splits.train):
            return count(self.batch_size)
        return f"{count(self.batch_size)}, more than there are training images: an epoch is one update of each view"

    def _left_out(self) -> list[str]:
        """Tells of training stages that have no epochs."""
        stages = self._stages[self.args.sparsities[0]]
        names = [stage.name for stage in stages if isinstance(stage, TrainingStage) and not stage.epochs]
        return [f"Nothing is trained in {name}: it has 0 epochs" for name in dict.fromkeys(names)]

    def _emptied(self) -> list[str]:
        """Tells of layers that lose every weight; weights that are still to be pre-trained tell nothing of it."""
        if self.args.pretrain_epochs:
            return []
        lines = []
        for sparsity in self.args.sparsities:
            if empty := foreseen_empty_layers(self.model, self._stages[sparsity]):
                at = short_percent(sparsity)
                lines.append(
                    f"At {at} sparsity the first mask leaves no weight in {_first_of(empty)}: lower it, or give --scope layer"
                )
        return lines

    def _fitted_once(self) -> list[str]:
        """Tells of a label mapping that is to be fitted again and again, where it is not."""
        stages = self._stages[self.args.sparsities[0]]
        if not LABEL_MAPPINGS[self.args.label_mapping].repeats or mapping_fits(stages) > 1:
            return []
        when = f"every {self.args.mapping_interval} epochs of a mask search, before the next one"
        return [
            f"Label mapping: {self.args.label_mapping}, but fitted only once, as frequency is; it is fitted again after {when}"
        ]

    def _fitted_anew(self) -> list[str]:
        """Tells of a label mapping that forgets which class pre-training taught where."""
        asked = self.args.label_mapping
        if not self.args.pretrain_epochs or not issubclass(LABEL_MAPPINGS[asked], FrequencyMapping):
            return []
        return [f"Label mapping: {asked}, fitted anew after pre-training by position; auto keeps what was trained"]


def _grouped(skipped: Mapping[str, str]) -> dict[str, str]:
    """Names one layer per reason and counts the others, so that twenty normalisations take one line."""
    names = defaultdict(list)
    for name, reason in skipped.items():
        names[reason].append(name)
    return {_first_of(group): reason for reason, group in names.items()}


def _first_of(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
