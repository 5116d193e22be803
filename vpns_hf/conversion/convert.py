"""A checkpoint of the released code becomes a model, and the folder it is saved to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ..errors import InputError
from ..jobs.output import save_model
from ..models import VPNsConfig, VPNsForImageClassification
from ..pruning import empty_layers
from ..reporting import count, percent
from .checkpoint import OriginalCheckpoint
from .masks import ReleasedMasks
from .network import OriginalNetwork
from .prompts import NOTHING_KNOWN, SEED, FoundPrompt, PromptFacts, find_prompt
from .settings import RecordedSettings


@dataclass(frozen=True)
class Conversion:
    """A converted checkpoint.

    Attributes:
        model: its weights are pages of the checkpoint's file until they are written to.
        masks: what follows from scores and density.
        notes: what was assumed or filled in, in sentences.
    """

    model: VPNsForImageClassification
    masks: ReleasedMasks
    notes: list[str]

    def __str__(self) -> str:
        backbone = self.model.backbone
        classes = f"{type(backbone).__name__}, {self.model.config.num_labels} of {backbone.config.num_labels} classes"
        notes = [f"Note: {note}" for note in self.notes]
        return "\n".join([classes, self._pruning(), self._prompt(), *notes])

    def _pruning(self) -> str:
        sizes = [(int(mask.sum()), mask.numel()) for mask in self.masks.masks.values()]
        kept, total = map(sum, zip(*sizes, strict=True))
        threshold = "none" if self.masks.threshold is None else f"{self.masks.threshold:.9g}"
        return (
            f"Density {self.masks.density:g}: {count(kept)} of {count(total)} weights kept, sparsity "
            f"{percent(self.model.sparsity)}, threshold {threshold}, {count(self.masks.ties)} pruned as ties"
        )

    def _prompt(self) -> str:
        config = self.model.config
        if not self.model.has_prompt:
            return f"No prompt: pictures of {config.image_size} pixels"
        return (
            f"Prompt {config.visual_prompt}, size {config.prompt_size}: pictures of {config.image_size} pixels become "
            f"{config.prompted_size}; applied only if prompted=True is given, as the released code evaluates without"
        )

    def save(self, folder: Path) -> None:
        """Writes the model, its modeling files and an image processor to a folder, which appears whole or not at all.

        There is no card: nothing was measured.

        Raises:
            InputError: if the folder cannot be written to.
        """
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            save_model(self.model, folder)
        except OSError as error:
            raise InputError(f"output_dir {folder} cannot be written to ({error.strerror or error})") from error


def convert_checkpoint(
    file: str | os.PathLike,
    network: str | None = None,
    density: float | None = None,
    prompt: PromptFacts = NOTHING_KNOWN,
    class_names: Sequence[str] | None = None,
) -> Conversion:
    """Builds the model of a checkpoint of the released code; of an args.json beside it, density and prompt are read.

    Args:
        file: as `torch.save` wrote it. No code in it is run; no more of it is read than makes the model.
        network: a name of `NETWORKS`, which it must be; None takes any ResNet or VGG in torchvision's layout.
        density: fraction of weights kept, in (0, 1].
        prompt: what is known of it.
        class_names: of the target classes; generic ones if not given.

    Raises:
        InputError: if the file is none, does not fit what is given, or more must be given.
    """
    path = Path(file).expanduser()
    try:
        return _convert(path, network, density, prompt, class_names)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _convert(
    path: Path, name: str | None, density: float | None, prompt: PromptFacts, class_names: Sequence[str] | None
) -> Conversion:
    settings = RecordedSettings.beside(path)
    masks = _masks(path, name, settings.choose_density(density))
    checkpoint = OriginalCheckpoint.read(path)
    network = OriginalNetwork.of(checkpoint.weights, name)
    found = find_prompt(checkpoint.visual_prompt, settings.choose_prompt(prompt))
    _check_sources(checkpoint.mapping, network.config.num_labels)
    config = _config(network, found, _names(class_names, len(checkpoint.mapping)))
    model = VPNsForImageClassification.from_pretrained(
        None, config=config, state_dict=_state_dict(network, masks, checkpoint.mapping, found)
    )
    return Conversion(model, masks, network.notes + found.notes + _empty_note(model))


def _masks(path: Path, name: str | None, density: float) -> ReleasedMasks:
    """Reads the scores and lets go of them: mapped once more, the file takes no memory for what is not read again."""
    checkpoint = OriginalCheckpoint.read(path)
    return ReleasedMasks.of(OriginalNetwork.of(checkpoint.weights, name).scores(checkpoint.scores), density)


def _config(network: OriginalNetwork, found: FoundPrompt, names: Sequence[str]) -> VPNsConfig:
    return VPNsConfig(
        backbone_config=network.config,
        prompt_seed=SEED,
        prompt_at_inference=False,
        id2label=dict(enumerate(names)),
        label2id={name: index for index, name in enumerate(names)},
        **vars(found.facts),
    )


def _state_dict(
    network: OriginalNetwork, masks: ReleasedMasks, mapping: Tensor, found: FoundPrompt
) -> dict[str, Tensor]:
    prompt = {} if found.parameter is None else {"visual_prompt.prompt": found.parameter}
    return {
        **{f"backbone.{name}": tensor for name, tensor in network.tensors.items()},
        **{f"backbone.{name}.weight_mask": mask for name, mask in masks.masks.items()},
        **prompt,
        "label_mapping": mapping,
    }


def _empty_note(model: VPNsForImageClassification) -> list[str]:
    empty = empty_layers(model)
    return [f"no weight is left of {', '.join(empty)}: nothing of the picture passes through"] if empty else []


def _check_sources(mapping: Tensor, sources: int) -> None:
    outside = [source for source in mapping.tolist() if not 0 <= source < sources]
    if outside:
        raise InputError(f"'mapping_sequence' names source class {outside[0]}; the network has 0 to {sources - 1}")


def _names(given: Sequence[str] | None, classes: int) -> Sequence[str]:
    names = [f"LABEL_{index}" for index in range(classes)] if given is None else given
    if len(names) != classes or len(set(names)) != classes:
        raise InputError(
            f"{len(set(names))} different class names are given; the checkpoint tells {classes} classes apart"
        )
    return names
