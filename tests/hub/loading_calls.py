"""What a user does with a model on the Hub; called in a process of its own, where vpns_hf may not be installed."""

from __future__ import annotations

import importlib.util
import zlib
from typing import Any


def load(repo_id: str, picture: str) -> dict[str, Any]:
    """Loads by the classes of transformers, which fetch the model's code from the repository."""
    import torch
    from PIL import Image
    from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageClassification, pipeline

    image = Image.open(picture)
    config = AutoConfig.from_pretrained(repo_id, trust_remote_code=True)
    model = AutoModelForImageClassification.from_pretrained(repo_id, trust_remote_code=True)
    pixels = AutoImageProcessor.from_pretrained(repo_id)(image, return_tensors="pt")["pixel_values"]
    classify = pipeline("image-classification", model=repo_id, trust_remote_code=True)
    with torch.no_grad():
        logits = {
            view: model(pixels, prompted=view == "prompted").logits[0].tolist() for view in ("prompted", "plain")
        }
    return {
        "sparsity": [config.sparsity, model.sparsity],
        "module": type(model).__module__.partition(".")[0],
        "pixels": pixels.double().sum().item(),
        "logits": logits,
        "pipeline": classify(image),
    }


def loaded_here(folder: str, picture: str) -> dict[str, Any]:
    """What `load` gives of a folder by the code of its repository, but by the package and without the pipeline."""
    import torch
    from PIL import Image
    from transformers import AutoImageProcessor

    from vpns_hf import VPNsForImageClassification

    model = VPNsForImageClassification.from_pretrained(folder)
    pixels = AutoImageProcessor.from_pretrained(folder)(Image.open(picture), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        logits = {
            view: model(pixels, prompted=view == "prompted").logits[0].tolist() for view in ("prompted", "plain")
        }
    return {
        "sparsity": [model.sparsity] * 2,
        "module": "transformers_modules",
        "pixels": pixels.double().sum().item(),
        "logits": logits,
    }


def run_snippet(repo_id: str) -> str:
    """Runs the code that the card of a repository shows, as it stands there; returns it."""
    import re
    from pathlib import Path

    from huggingface_hub import hf_hub_download

    text = Path(hf_hub_download(repo_id, "README.md")).read_text(encoding="utf-8")
    [snippet] = re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    exec(snippet, {})
    return snippet


def load_with_package(repo_id: str, picture: str) -> dict[str, Any]:
    """Loads by the class itself, and by the classes of transformers without trusting the repository's code."""
    import torch
    from transformers import AutoModelForImageClassification, pipeline

    from vpns_hf import VPNsForImageClassification

    model = VPNsForImageClassification.from_pretrained(repo_id)
    auto = AutoModelForImageClassification.from_pretrained(repo_id)
    classify = pipeline("image-classification", model=repo_id)
    same = all(torch.equal(value, auto.state_dict()[name]) for name, value in model.state_dict().items())
    return {"class": type(auto).__module__, "same": same, "pipeline": classify(picture), "sparsity": model.sparsity}


def refused(repo_id: str) -> list[str]:
    """The errors that loading ends with."""
    from transformers import AutoModelForImageClassification

    try:
        AutoModelForImageClassification.from_pretrained(repo_id, trust_remote_code=True)
    except OSError as error:
        return [type(error).__name__, str(error)]
    return []


def can_import(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def fingerprint(name: str) -> dict[str, Any]:
    """A checksum of every tensor of a model."""
    from vpns_hf import VPNsForImageClassification

    tensors = VPNsForImageClassification.from_pretrained(name).state_dict()
    return {key: zlib.crc32(value.numpy().tobytes()) for key, value in tensors.items()}


def load_dense(names: list[str]) -> list[Any]:
    """Normalisation, classes and the sum of all weights of dense networks; of one that is refused what is said."""
    from vpns_hf import InputError, load_backbone

    found = []
    for name in names:
        try:
            backbone = load_backbone(name)
        except InputError as error:
            found.append(str(error))
            continue
        total = sum(value.double().sum().item() for value in backbone.model.state_dict().values())
        found.append([backbone.normalisation, backbone.model.config.num_labels, total])
    return found


def push_dataset(repo_id: str, folder: str) -> None:
    """Publishes a data set that was written with `save_to_disk`."""
    from datasets import load_from_disk

    load_from_disk(folder).push_to_hub(repo_id, private=True)


def push_images(repo_id: str, folder: str) -> None:
    """Publishes a folder of images as it is."""
    from huggingface_hub import HfApi

    HfApi().create_repo(repo_id, repo_type="dataset", private=True)
    HfApi().upload_folder(repo_id=repo_id, folder_path=folder, repo_type="dataset")


def load_dataset(repo_id: str) -> dict[str, Any]:
    """Loads a data set by its id."""
    from vpns_hf.data import load_image_dataset

    splits = load_image_dataset(repo_id)
    return {name: [list(split["label"]), split[0]["image"].size] for name, split in splits.items()}


def stream_dataset(repo_id: str) -> dict[str, Any]:
    """Reads a data set by its id as `--streaming` does: the kind of each split, its labels and its last image."""
    import io

    import numpy as np
    from PIL import Image

    from vpns_hf.data import StreamIndex, find_columns, stream_image_dataset
    from vpns_hf.data.sources import parquet_files

    streams = stream_image_dataset(repo_id)
    index = StreamIndex(streams, find_columns(streams), parquet_files(repo_id, streams))
    found = {}
    for name, split in index.splits.items():
        [[image]] = split.open(len(split) - 1)
        pixels = np.asarray(Image.open(io.BytesIO(image["bytes"]))).tolist()
        found[name] = [type(split).__name__, split.labels.to_pylist(), pixels]
    return found


def add_note(repo_id: str) -> None:
    """Adds a file that publishing knows nothing of."""
    from huggingface_hub import HfApi

    HfApi().upload_file(path_or_fileobj=b"Mine.", path_in_repo="NOTES.md", repo_id=repo_id)
