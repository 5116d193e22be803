"""Names of the target classes, which a checkpoint does not hold."""

from __future__ import annotations

from pathlib import Path

from ..data import find_columns, find_spec
from ..data.sources import stream_image_dataset
from ..errors import InputError


def read_class_names(path: Path) -> list[str]:
    """Returns the names in a file of one per line.

    Raises:
        InputError: if the file cannot be read, or a line is empty.
    """
    try:
        names = [line.strip() for line in path.expanduser().read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise InputError(f"class_names {path} cannot be read ({reason}); give a file of one name per line") from error
    if not names or "" in names:
        raise InputError(f"class_names {path} has an empty line, or none; give a file of one name per line")
    return names


def dataset_class_names(name: str) -> list[str]:
    """Returns the names of the classes of a data set, whose images are not downloaded.

    Raises:
        InputError: if there is no such data set, or it does not name its classes.
    """
    dataset = stream_image_dataset(name)
    label = find_columns(dataset, spec=find_spec(name)).label
    names = getattr(dataset.get("train", next(iter(dataset.values()))).features[label], "names", None)
    if names is None:
        raise InputError(
            f"the label column {label!r} of {name} names no classes; give a file of names by --class_names"
        )
    return names
