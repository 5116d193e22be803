"""Images are read from streams of rows, and decoded, for every batch: nothing is kept on disk."""

from __future__ import annotations

from ...utils.doors import door

__all__, __getattr__ = door(
    __name__,
    {
        "images": ["StreamStore"],
        "index": ["StreamIndex"],
        "order": ["LANES", "stream_order"],
        "pieces": ["ParquetSplit", "ROWS_AT_ONCE"],
        "reader": ["StreamReader"],
    },
)
