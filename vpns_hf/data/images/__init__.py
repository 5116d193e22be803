"""One stored picture becomes pixels, and many become what batches are made of; some cannot be read."""

from __future__ import annotations

from ...utils.doors import door

__all__, __getattr__ = door(
    __name__,
    {
        "bad_images": ["BadImage", "ON_BAD_IMAGE", "ON_LATE_BAD_IMAGE", "keep", "report", "report_kept"],
        "decoding": [
            "CHUNK",
            "DecodedImage",
            "ImageDecoder",
            "StoredDecoder",
            "is_misread",
            "own_cores",
            "stack_kept",
            "stack_planes",
            "to_planes",
            "to_rgb",
            "to_square",
        ],
        "source": ["ChosenRows", "ImageCache", "ImageSource"],
    },
)
