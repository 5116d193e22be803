"""A few pictures of the test split beside the models of a job, to try them on; published only where that is asked for."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..data import ImageSource
from ..utils.files import write_file

EXAMPLES = "examples/*.png"
MOST = 8
LABEL = "Label"  # the field of a PNG that holds the name of the class


@dataclass(frozen=True)
class Examples:
    """Pictures as the models of a job were tested on them.

    Attributes:
        images: uint8 (n, 3, H, W).
        names: of their classes.
    """

    images: npt.NDArray[np.uint8]
    names: Sequence[str]

    @classmethod
    def of(cls, source: ImageSource, class_names: Sequence[str]) -> Examples:
        """Takes `MOST` pictures, or as many as there are, spread evenly over the classes."""
        rows = example_rows(source.labels.numpy())
        images = source.read(torch.tensor(rows)).cpu().numpy()
        return cls(images, [class_names[label] for label in source.labels[rows].tolist()])

    def write(self, folder: Path) -> None:
        """Writes them into `folder`/examples, each with the name of its class in it, in the place of those there."""
        place = (folder / EXAMPLES).parent
        place.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(EXAMPLES):
            left.unlink()
        for number, (pixels, name) in enumerate(zip(self.images, self.names, strict=True), start=1):
            write_file(place / f"{number}.png", _png(pixels, name))


def example_rows(labels: npt.ArrayLike) -> list[int]:
    """Returns the rows of `MOST` pictures, or fewer, spread evenly over the classes.

    Args:
        labels: (N,) integers.
    """
    by_class = np.argsort(np.asarray(labels), kind="stable")
    places = np.linspace(0, len(by_class) - 1, min(MOST, len(by_class))).round().astype(int)
    return by_class[places].tolist()


def example_files(folder: Path) -> list[Path]:
    """Returns the example pictures in a folder, in their order; [] if there are none."""
    return sorted(folder.glob(EXAMPLES))


def label_of(path: Path) -> str:
    """Returns the class of an example picture; the name of its file if it says none."""
    with Image.open(path) as image:
        return image.info.get(LABEL) or path.stem


def _png(pixels: np.ndarray, name: str) -> bytes:
    file, told = io.BytesIO(), PngInfo()
    told.add_itxt(LABEL, name)
    Image.fromarray(pixels.transpose(1, 2, 0)).save(file, "PNG", pnginfo=told)
    return file.getvalue()
