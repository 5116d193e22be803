"""What a user of the Hub does with the page; called in a process of its own."""

from __future__ import annotations

from typing import Any


def found(name: str) -> dict[str, Any]:
    """The models of a name, each with the size of its weights and what of it is here."""
    from vpns_hf.browse import models_on_hub

    found = models_on_hub(name)
    models = {
        model.key: [model.size, sorted(path.suffix for path in model.folder.rglob("*") if path.is_file())]
        for model in found.models
    }
    return {"models": models, "left_out": list(found.left_out)}


def top_class(name: str, key: str, picture: str) -> list[Any]:
    """What a model of the Hub says of a picture, with the place its class comes from."""
    from pathlib import Path

    from vpns_hf.browse import classify, load, models_on_hub, read_picture

    loaded = load(models_on_hub(name).by_key[key])
    answers = classify(loaded, read_picture(Path(picture)))
    return [type(loaded.model).__module__, answers["plain"].classes[0]]
