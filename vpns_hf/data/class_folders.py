"""Why no classes were found in a folder of images: `datasets` takes them from folders that lie equally deep."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from vpns_hf.errors import InputError

LAYOUT = "give one folder of images per class in each split, such as train/cat/1.jpg and test/cat/2.jpg"


def no_classes(folder: Path, files: Mapping[str, Sequence[str]]) -> InputError:
    """What is said about a folder of images without classes.

    Args:
        folder: holds the images.
        files: the paths of the images of each split.
    """
    inside = {
        split: [PurePath(os.path.relpath(path, folder.absolute())) for path in paths] for split, paths in files.items()
    }
    return InputError(f"the folder {folder} shows no classes: {_why(inside)}; {LAYOUT}")


def _why(files: Mapping[str, Sequence[PurePath]]) -> str:
    loose = _split_without_folders(files)
    if loose is not None:
        return f"the {loose} split has no class folders, only images such as {files[loose][0]}"
    every = [path for paths in files.values() for path in paths]
    depths = Counter(len(path.parts) for path in every)
    if len(depths) > 1:
        return _uneven(every, depths.most_common(1)[0][0])
    if any(len({path.parts[-3:-2] for path in paths}) > 1 for paths in files.values()):
        return f"all images lie a folder too deep, as {every[0]} does"
    if len(every[0].parts) == 1:
        return f"its images, such as {every[0]}, lie in no folder"
    return f"all images lie in one class folder, {every[0].parent.name}, and a choice needs at least two classes"


def _split_without_folders(files: Mapping[str, Sequence[PurePath]]) -> str | None:
    """A split of which all images lie in one folder, less deep than the images of every other split."""
    deepest = {split: max(len(path.parts) for path in paths) for split, paths in files.items()}
    for split, paths in files.items():
        others = [depth for other, depth in deepest.items() if other != split]
        if others and deepest[split] < min(others) and len({path.parent for path in paths}) == 1:
            return split
    return None


def _uneven(files: Sequence[PurePath], usual: int) -> str:
    stray = next(path for path in files if len(path.parts) != usual)
    where = "deeper" if len(stray.parts) > usual else "less deep"
    return f"{stray} lies {where} than the other images"
