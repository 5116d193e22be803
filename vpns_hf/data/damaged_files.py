"""Which file of a folder is damaged, where a reader does not say it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def _read_arrow(path: Path) -> None:
    with pa.memory_map(str(path)) as content:  # which finds what is cut off and reads no images
        pa.ipc.open_stream(content).read_all()


def _read_footer(path: Path) -> None:
    footer = pq.read_metadata(path)
    if footer.num_row_groups > 0 and footer.row_group(0).num_rows == 0:  # `datasets` reads as many rows at once
        raise ValueError("it has no rows, or none in its first group")


READERS: dict[str, Callable[[Path], None]] = {".parquet": _read_footer, ".arrow": _read_arrow}


def damaged_file(folder: Path) -> str | None:
    """Names the first parquet or Arrow file of a folder that cannot be read, with the reason; None where all can."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            READERS.get(path.suffix, lambda _: None)(path)
        except (OSError, ValueError) as error:
            reason = str(error).strip().splitlines()[0].rstrip(".")
            return f"{path.relative_to(folder)} cannot be read ({reason}); replace it, or remove it"
    return None
