"""Which file of a folder is damaged, where a reader does not say it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROWS_AT_ONCE = 64
Readers = Mapping[str, Callable[[Path], None]]


def _read_arrow(path: Path) -> None:
    with pa.memory_map(str(path)) as content:  # which finds what is cut off and reads no images
        pa.ipc.open_stream(content).read_all()


def _read_footer(path: Path) -> None:
    footer = pq.read_metadata(path)
    if footer.num_row_groups > 0 and footer.row_group(0).num_rows == 0:  # `datasets` reads as many rows at once
        raise ValueError("it has no rows, or none in its first group")


def _read_rows(path: Path) -> None:
    with pq.ParquetFile(path) as file:
        for _ in file.iter_batches(ROWS_AT_ONCE):
            pass


OUTLINES: Readers = {".parquet": _read_footer, ".arrow": _read_arrow}
CONTENTS: Readers = {".parquet": _read_rows}


def damaged_file(folder: Path, error: BaseException) -> str | None:
    """Names the first parquet or Arrow file of a folder that cannot be read, with the reason; None where all can.

    Args:
        folder: holds the files.
        error: what a reader raised; only if it is about bytes are files read to their end.
    """
    about_bytes = any(isinstance(cause, pa.ArrowException | OSError) for cause in _causes(error))
    return _first_damaged(folder, OUTLINES) or (_first_damaged(folder, CONTENTS) if about_bytes else None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _first_damaged(folder: Path, readers: Readers) -> str | None:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            readers.get(path.suffix, lambda _: None)(path)
        except (OSError, ValueError) as error:
            reason = str(error).strip().splitlines()[0].rstrip(".")
            return f"{path.relative_to(folder)} cannot be read ({reason}); replace it, or remove it"
    return None
