"""A model written for other libraries: a pruned one with its zeros folded in, or a dense one."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from ..backbones import BACKBONES, IMAGENET, Backbone, Place, Untrained, load_backbone
from ..errors import InputError
from ..models import VPNsConfig, VPNsForImageClassification
from ..utils.files import folder_in_place
from ..utils.text import first_line
from .formats import EXPORTS, Export, is_bgr

logger = logging.getLogger(__name__)

USUAL_SIZE = 224


@dataclass(frozen=True)
class Exported:
    """What was written, for a reader.

    Attributes:
        backbone: the classifier that was written.
        files: their names, sorted.
        pruned_from: the pruned model it was folded from; None if it was dense.
    """

    backbone: Backbone
    files: list[str]
    pruned_from: VPNsForImageClassification | None

    def __str__(self) -> str:
        config, known = self.backbone.model.config, self.backbone.normalisation
        lines = [
            f"{type(self.backbone.model).__name__}, {config.num_labels} classes: {', '.join(self.files)}",
            f"It takes pictures of {self.backbone.image_size} pixels, in [0, 1] less {known['image_mean']}, "
            f"divided by {known['image_std']}" + (", blue first" if is_bgr(self.backbone) else ""),
        ]
        return "\n".join(lines + (self._caveats() if self.pruned_from is not None else []))

    def _caveats(self) -> list[str]:
        model = self.pruned_from
        lines = [f"{100 * model.sparsity:.2f}% of the prunable weights are 0, stored as such"]
        if model.has_prompt:
            default = "; the model itself applies the prompt by default" if model.config.prompt_at_inference else ""
            lines.append(
                "The visual prompt is not part of it: of the accuracies on the model card, "
                f"the one without the prompt holds{default}"
            )
        return lines


def saved_head(backbone: Backbone, num_labels: int | None) -> Backbone:
    """Keeps the classifier as it was saved, whole."""
    if backbone.lost_head is not None:
        raise InputError(f"{backbone.lost_head}; only a whole classifier can be exported")
    return backbone


def export_model(
    model: str | os.PathLike, layout: str, output_dir: str | os.PathLike, revision: str | None = None
) -> Exported:
    """Writes a model as another library reads it, to a folder that appears complete or not at all.

    Args:
        model: a pruned model (folder or Hub id), written as its `to_dense()`; or whatever `load_backbone` takes.
        layout: an entry of `EXPORTS`.
        output_dir: a folder that is new or empty.
        revision: branch, tag or commit on the Hub.

    Raises:
        InputError: if the model cannot be loaded, the library has no such network, or the folder holds files.
    """
    if layout not in EXPORTS:
        raise InputError(f"layout is {layout!r}; allowed: {', '.join(EXPORTS)}")
    if isinstance(BACKBONES.get(os.fspath(model)), Untrained):
        raise InputError(f"{model} is untrained, there is nothing to export; give a folder, a file or a Hub id")
    folder = free_folder(output_dir)
    pruned = _pruned_model(os.fspath(model), revision)
    if pruned is not None and pruned.config.widths is not None:
        raise InputError(
            f"channels were removed from {model}, whose layers are thinner than any {layout} configuration says; use it by "
            "from_pretrained, or prune with another --granularity"
        )
    found = load_backbone(model, revision=revision, head=saved_head) if pruned is None else _folded(pruned)
    backbone = _with_preparation(found)
    try:
        files = _write(EXPORTS[layout], backbone, folder)
    except OSError as error:
        raise InputError(
            f"output_dir {folder} cannot be written to ({error.strerror}); give another folder"
        ) from error
    return Exported(backbone, files, pruned)


def _pruned_model(name: str, revision: str | None) -> VPNsForImageClassification | None:
    """Returns the pruned model of that name; None if there is none."""
    if name in BACKBONES or Path(name).expanduser().is_file():
        return None
    try:
        place = Place.of(name, revision)
    except ValueError:  # neither a folder nor a name of the Hub: whoever loads it says what is allowed
        return None
    if place.json("config.json").get("model_type") != VPNsConfig.model_type:
        return None
    try:
        return VPNsForImageClassification.from_pretrained(place.name, **place.options)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(f"{name} cannot be loaded: {first_line(error)}") from error


def _folded(model: VPNsForImageClassification) -> Backbone:
    config = model.config
    try:
        dense = model.to_dense()
    except ValueError as error:
        raise InputError(f"the classifier cannot be cut to the classes of the data: {error}") from error
    names = ("image_mean", "image_std", "channel_order")
    return Backbone(dense, {name: getattr(config, name) for name in names}, config.image_size)


def _with_preparation(backbone: Backbone) -> Backbone:
    """Fills in what nothing is known of: ImageNet's mean and std, the side of the configuration or the usual one."""
    backbone.check_normalisation("no layout can say what it does")
    if not backbone.normalisation:
        logger.warning("no mean and std were found: ImageNet's are assumed")
    configured = getattr(backbone.model.config, "image_size", None)
    side = backbone.image_size or (configured if isinstance(configured, int) else USUAL_SIZE)
    return Backbone(backbone.model, backbone.normalisation or IMAGENET, side)


def free_folder(output_dir: str | os.PathLike) -> Path:
    """Returns a folder that is new or empty.

    Raises:
        InputError: if it is neither.
    """
    folder = Path(output_dir).expanduser().resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"output_dir {folder} is there already and no empty folder; give a new one")
    return folder


def _write(export: Export, backbone: Backbone, folder: Path) -> list[str]:
    with folder_in_place(folder) as aside:
        export(backbone, aside)
        for file in aside.iterdir():  # some writers keep their files to their owner; the folder follows the umask
            file.chmod(aside.stat().st_mode & 0o666)
    return sorted(file.name for file in folder.iterdir())
