"""From a name to an image classifier with weights."""

from __future__ import annotations

import os
from pathlib import Path

from huggingface_hub.errors import HFValidationError
from safetensors import SafetensorError
from transformers import AutoModelForImageClassification, PreTrainedModel

from vpns_hf.errors import InputError
from vpns_hf.hub.reach import hub_answers
from vpns_hf.models import VPNsForImageClassification

from .registry import BACKBONES


def load_backbone(name_or_path: str | os.PathLike, num_labels: int, revision: str | None = None) -> PreTrainedModel:
    """Loads a dense image classifier.

    Args:
        name_or_path: a name of `BACKBONES`, a local folder, or a Hub id.
        num_labels: number of classes of the data set; an untrained backbone gets that many.
        revision: branch, tag or commit on the Hub.

    Raises:
        InputError: if there is no such model, it cannot be reached, or it does not hold an image classifier.
    """
    name = str(name_or_path)
    if name in BACKBONES:
        return AutoModelForImageClassification.from_config(BACKBONES[name](num_labels))
    folder = Path(name).expanduser()
    if not folder.is_dir() and (folder.exists() or name.startswith((".", "/", "~"))):
        raise InputError(f"no model folder at {name}; give a folder, a Hub id or one of: {', '.join(BACKBONES)}")
    try:
        if folder.is_dir():
            return _load(str(folder), revision, local_files_only=True)
        return _load(name, revision, local_files_only=not hub_answers(name, "model"))
    except (OSError, ValueError, KeyError, RuntimeError, HFValidationError, SafetensorError) as error:
        raise InputError(_explain(name, folder.is_dir(), error)) from error


def _load(name: str, revision: str | None, local_files_only: bool) -> PreTrainedModel:
    model, info = AutoModelForImageClassification.from_pretrained(
        name,
        revision=revision,
        local_files_only=local_files_only,
        output_loading_info=True,
        ignore_mismatched_sizes=True,
    )
    if isinstance(model, VPNsForImageClassification):
        raise ValueError("it is a pruned model already; give the dense one, or save its to_backbone() to a folder")
    wrong = sorted(map(str, [*info["missing_keys"], *info["mismatched_keys"]]))
    if wrong:
        raise ValueError(f"its weights lack or misfit {', '.join(wrong[:5])}{' and more' if len(wrong) > 5 else ''}")
    return model


def _explain(name: str, is_folder: bool, error: Exception) -> str:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    if is_folder:
        return f"the folder {name} holds no image classifier of transformers: {reason}"
    return (
        f"{name} could not be loaded from the Hub: {reason}; without a network give a local folder of an image "
        f"classifier, or one of: {', '.join(BACKBONES)}"
    )
