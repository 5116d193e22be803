"""What a run writes: checked before anything is computed, each folder written aside and put in place whole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from transformers import ViTImageProcessorPil

from vpns_hf.errors import InputError
from vpns_hf.models import VPNsForImageClassification

OWN_NAMES = ("results.json", "results.md", "plots", "sparsity-*")
BILINEAR = 2


def check_output_dir(output_dir: str | os.PathLike, overwrite: bool) -> Path:
    """Returns the folder results go to.

    Raises:
        InputError: if it cannot be written to, or holds results and `overwrite` is False.
    """
    folder = Path(output_dir).expanduser()
    existing = next((parent for parent in (folder, *folder.parents) if parent.exists()), folder)
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise InputError(f"output_dir {folder} cannot be written to; give another folder")
    found = sorted(path.name for pattern in OWN_NAMES for path in folder.glob(pattern))
    if found and not overwrite:
        raise InputError(
            f"output_dir {folder} already holds {', '.join(found[:4])}{' and more' if len(found) > 4 else ''}; "
            "give another folder, or --overwrite_output_dir to replace them"
        )
    return folder


def clear_output_dir(folder: Path) -> None:
    """Removes what an earlier run wrote, and nothing else."""
    for path in [path for pattern in OWN_NAMES for path in folder.glob(pattern)]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def image_processor(model: VPNsForImageClassification) -> ViTImageProcessorPil:
    """Returns the stock processor that resizes to I x I and scales to [0, 1]; the model itself normalises."""
    side = model.config.image_size
    return ViTImageProcessorPil(do_normalize=False, resample=BILINEAR, size={"height": side, "width": side})


def save_model(model: VPNsForImageClassification, folder: Path) -> None:
    """Writes model, modeling files and image processor to `folder`, which appears complete or not at all."""
    aside = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    model.save_pretrained(aside)
    image_processor(model).save_pretrained(aside)
    if folder.exists():
        shutil.rmtree(folder)
    os.replace(aside, folder)
