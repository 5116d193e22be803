"""How the pictures a model was trained on were normalised, as its repository says."""

from __future__ import annotations

import os
from typing import Any

from transformers import BaseImageProcessor


def normalisation_of(name_or_path: str | os.PathLike, **hub_options: Any) -> dict[str, list[float]]:
    """Returns {"image_mean": ..., "image_std": ...} of the image processor saved with a model, or {} without one.

    Args:
        name_or_path: Hub id or local folder of the model.
        hub_options: such as `revision` and `local_files_only`.
    """
    try:
        fields, _ = BaseImageProcessor.get_image_processor_dict(name_or_path, **hub_options)
    except (OSError, ValueError):
        return {}
    if fields.get("do_normalize") is False:
        return {"image_mean": [0.0, 0.0, 0.0], "image_std": [1.0, 1.0, 1.0]}
    mean, std = fields.get("image_mean"), fields.get("image_std")
    if not isinstance(mean, list) or not isinstance(std, list):
        return {}
    return {"image_mean": mean, "image_std": std}
