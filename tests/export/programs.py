"""The program that the README of an export shows, run where neither PyTorch nor this package can be imported."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import ExifTags, Image

from tests.documents import FENCE
from tests.helpers import tiny_model
from vpns_hf import VPNsForImageClassification

BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "transformers", "vpns_hf"):
            raise ImportError(f"{name} is not to be used")

sys.meta_path.insert(0, Blocker())
"""


def undecided_model() -> VPNsForImageClassification:
    """The tiny model with the bias of its head such that pictures, with the prompt, are of different classes."""
    model = tiny_model()
    with torch.no_grad():
        model.backbone.classifier[1].bias[model.label_mapping] -= model(blocks(50), prompted=True).logits.mean(0)
    return model


def blocks(count: int) -> torch.Tensor:
    """Pictures of four plain fields, of strong colours."""
    fields = torch.rand(count, 3, 2, 2, generator=torch.Generator().manual_seed(0)) > 0.5
    return torch.nn.functional.interpolate(fields.float(), size=16)


def picture_files(folder: Path) -> Iterator[Path]:
    """Writes pictures of several modes, sizes and orientations; of the last two black is transparent, and matters."""
    fields = zip(
        (*blocks(4), *blocks(4), *blocks(3)[::2]),
        ("RGB", "RGBA", "L", *["RGB"] * 7),
        ((16, 16), (40, 23), (9, 31), (64, 64), *[(40, 40)] * 6),
        (1, 1, 1, 1, 3, 6, 8, 6, 1, 1),
        (*[None] * 8, (0, 0, 0), (0, 0, 0)),
        strict=True,
    )
    for index, (pixels, mode, size, turned, transparent) in enumerate(fields):
        picture, exif = folder / f"{index}.png", Image.Exif()
        exif[ExifTags.Base.Orientation] = turned  # as a camera on its side notes
        plain = Image.fromarray((255 * pixels).byte().permute(1, 2, 0).numpy())
        plain.resize(size, Image.Resampling.NEAREST).convert(mode).save(picture, exif=exif, transparency=transparent)
        yield picture


def take_program(exported: Path, folder: Path) -> int:
    """Writes the program of the README of an export to a folder, as classify.py; returns how many lines it has."""
    [program] = [
        code for language, code in FENCE.findall((exported / "README.md").read_text()) if language == "python"
    ]
    (folder / "classify.py").write_text(program)
    (folder / "blocked").mkdir()
    (folder / "blocked" / "sitecustomize.py").write_text(BLOCKER)
    return len(program.strip().splitlines())


def run(folder: Path, exported: Path, *arguments: str) -> str:
    """What classify.py says at last in a folder of files, where PyTorch, transformers and this package cannot be imported.

    MNN's line on the processor comes before or, where nobody looks on, after it.
    """
    ended = subprocess.run(
        [sys.executable, folder / "classify.py", *arguments],
        cwd=exported,
        env={**os.environ, "PYTHONPATH": str(folder / "blocked")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    said = [line for line in ended.stdout.strip().splitlines() if not line.startswith("The device supports")]
    return said[-1]
