"""Images decoded once and kept on disk as plain bytes.

Decoding costs far more than anything else the input side does, so it is done once per data set; training then only
gathers rows of a memory-mapped uint8 tensor.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import datasets
import numpy as np
import torch
from filelock import FileLock

from vpns_hf.data.columns import Columns
from vpns_hf.data.decoding import ImageDecoder, MixedSizesError
from vpns_hf.data.image_files import image_files
from vpns_hf.data.labels import read_column
from vpns_hf.data.origins import Origin
from vpns_hf.errors import InputError

FORMAT_VERSION = 1


@dataclass(frozen=True)
class ImageCache:
    """Decoded images: `images` uint8 (N, 3, H, W), memory-mapped; `labels` int64 (N,)."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, rows: torch.Tensor) -> torch.Tensor:
        """The images of some rows: uint8 (n, 3, H, W)."""
        return self.images.index_select(0, rows)


def cache_images(
    split: datasets.Dataset,
    columns: Columns,
    size: int,
    *,
    name: str = "train",
    origin: Origin | None = None,
    cache_dir: str | os.PathLike | None = None,
    disable_progress: bool = False,
) -> ImageCache:
    """Decode the images of a split into a file, or open the file of an earlier run.

    Small images of one common size are stored as they are, and the transforms resize them; others are stored
    resized to `size` x `size` (bilinear, antialiased).

    Args:
        split: rows with an image column and a column of integer labels.
        columns: the two columns.
        size: pixels; the `resize_size` of the transform that will read the cache.
        name: of the split, for the progress bar and for messages.
        origin: where the rows come from, for messages; None takes them for all rows of a split of that name.
        cache_dir: default `$VPNS_CACHE`, else `~/.cache/vpns_hf`.
        disable_progress: show no progress bar.

    Raises:
        InputError: an image cannot be decoded (the message names split, row and file), or the cache cannot be written.
    """
    if len(split) == 0:
        raise InputError(f"the {name} split is empty; give it at least one image")
    root = Path(cache_dir) if cache_dir is not None else default_cache_dir()
    folder = root / f"images-{_fingerprint(split, columns)}"
    origin = origin or Origin.whole({name: len(split)})
    decoder = ImageDecoder(split, columns.image, name, origin, disable_progress)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "lock"):  # a second process waits for the first instead of decoding again
            images = _open_or_write(folder, decoder, size)
    except OSError as error:
        raise InputError(
            f"cannot write the image cache {root}: {error}; choose another with cache_dir or VPNS_CACHE"
        ) from error
    return ImageCache(images, torch.tensor(read_column(split, columns.label), dtype=torch.int64))


def default_cache_dir() -> Path:
    """Where caches go: `$VPNS_CACHE`, else `~/.cache/vpns_hf`."""
    return Path(os.environ.get("VPNS_CACHE") or "~/.cache/vpns_hf").expanduser()


def _fingerprint(split: datasets.Dataset, columns: Columns) -> str:
    # The fingerprint of a Dataset covers its table and every selection of rows made since, yet not the content of
    # files of which the table holds the path only.
    digest = hashlib.sha256(repr((FORMAT_VERSION, split._fingerprint, columns.image)).encode())
    for path in image_files(split, columns.image):
        digest.update(_state(path).encode())
    return digest.hexdigest()[:16]


def _state(path: str) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return f"{path}\n"  # an address, or a file that decoding will miss
    return f"{path} {status.st_size} {status.st_mtime_ns}\n"


def _open_or_write(folder: Path, decoder: ImageDecoder, size: int) -> torch.Tensor:
    native, resized = folder / "native.npy", folder / f"{size}x{size}.npy"
    if not resized.exists() and decoder.is_better_native(size):
        try:
            return _open(native) if native.exists() else _write(native, decoder, None)
        except MixedSizesError:
            pass  # the resized file, once written, is found before the native one is tried again
    return _open(resized) if resized.exists() else _write(resized, decoder, size)


def _open(path: Path) -> torch.Tensor:
    # "c" maps the file copy-on-write: nothing is read before it is needed, and the file is never changed.
    return torch.from_numpy(np.load(path, mmap_mode="c"))


def _write(path: Path, decoder: ImageDecoder, size: int | None) -> torch.Tensor:
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=path.parent) as aside:
        unfinished = Path(aside) / path.name
        with open(unfinished, "wb") as file:
            chunks = decoder.chunks(size)
            first = next(chunks)
            header = {"descr": "|u1", "fortran_order": False, "shape": (len(decoder), *first.shape[1:])}
            np.lib.format.write_array_header_1_0(file, header)
            for chunk in itertools.chain([first], chunks):
                file.write(chunk.data)
        os.replace(unfinished, path)
    return _open(path)
