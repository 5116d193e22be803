"""A model written as timm, torchvision or transformers reads it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..errors import InputError
from .folders import exported_folder, free_folder
from .formats import EXPORTS
from .processors import is_bgr
from .sources import Source, load_source


@dataclass(frozen=True)
class Exported:
    """What was written, for a reader.

    Attributes:
        source: the model that was written.
        files: their names, sorted.
    """

    source: Source
    files: list[str]

    def __str__(self) -> str:
        backbone = self.source.backbone
        config, known = backbone.model.config, backbone.normalisation
        lines = [
            f"{type(backbone.model).__name__}, {config.num_labels} classes: {', '.join(self.files)}",
            f"It takes pictures of {backbone.image_size} pixels, in [0, 1] less {known['image_mean']}, "
            f"divided by {known['image_std']}" + (", blue first" if is_bgr(backbone) else ""),
        ]
        return "\n".join([*lines, *self.source.caveats(prompted=False)])


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
    folder = free_folder(output_dir)
    source = load_source(model, revision)
    if source.pruned is not None and source.pruned.config.widths is not None:
        raise InputError(
            f"channels were removed from {model}, whose layers are thinner than any {layout} configuration says; use it by "
            "from_pretrained, export it by --onnx, or prune with another --granularity"
        )
    with exported_folder(folder) as aside:
        EXPORTS[layout](source.backbone, aside)
        files = sorted(file.name for file in aside.iterdir())
    return Exported(source, files)
