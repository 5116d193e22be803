"""Giving a picture to models: what each answers in both views, how long it takes, and the picture as it sees it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Lock

import torch
from huggingface_hub import snapshot_download
from PIL import Image
from torch import Tensor
from transformers import AutoImageProcessor, AutoModelForImageClassification, BaseImageProcessor
from transformers.dynamic_module_utils import get_class_from_dynamic_module

from ..errors import InputError
from ..hub import fetch_model
from ..models import VPNsConfig, VPNsForImageClassification
from ..utils.hub_client import refusals
from ..utils.text import one_line
from .found import FoundModel

KEPT = 5  # models in memory: four that were chosen, and the dense one
TOP = 5
REPEATS, SECONDS = 3, 0.1  # at least so many passes, and so long: their median is the time


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory with its image processor."""

    model: VPNsForImageClassification
    processor: BaseImageProcessor


@dataclass(frozen=True)
class Answer:
    """What a model says of a picture in one view.

    Attributes:
        classes: (name, probability in [0, 1]), the most probable first, `TOP` at most.
        milliseconds: of one pass through the network, the median of several.
        seen: the picture as the network sees it, before it is normalised.
    """

    classes: list[tuple[str, float]]
    milliseconds: float
    seen: Image.Image


Load = Callable[[FoundModel], LoadedModel]


def load(model: FoundModel) -> LoadedModel:
    """Loads a model by the classes of this package, no code of its folder; from the Hub where its weights are not here.

    Raises:
        InputError: if it cannot be loaded.
    """
    fetched = fetch_model(model.source)
    return LoadedModel(fetched.load(), _processor(fetched.folder, model.key))


def load_by_own_code(model: FoundModel) -> LoadedModel:
    """Loads a model by the Python files that lie beside it; `AutoModel` would take the classes of this package.

    Raises:
        InputError: if it cannot be loaded.
    """
    folder = _with_code(model)
    try:
        place = VPNsConfig.from_pretrained(folder).auto_map[AutoModelForImageClassification.__name__]
        loaded = get_class_from_dynamic_module(place, folder).from_pretrained(folder).eval()
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError, AttributeError) as error:
        raise InputError(f"{model.key} cannot be loaded by its own code: {one_line(error)}") from error
    return LoadedModel(loaded, _processor(folder, model.key))


class LoadedModels:
    """Loads models one at a time, and keeps those that were used last.

    Args:
        load: loads one.
        kept: how many stay in memory.
    """

    def __init__(self, load: Load, kept: int = KEPT) -> None:
        self._load, self._most = load, kept
        self._kept: OrderedDict[str, LoadedModel] = OrderedDict()
        self._lock = Lock()

    def get(self, model: FoundModel) -> LoadedModel:
        """Returns a model, loaded now or before.

        Raises:
            InputError: if it cannot be loaded.
        """
        with self._lock:
            if model.key not in self._kept:
                self._kept[model.key] = self._load(model)
            self._kept.move_to_end(model.key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return self._kept[model.key]


def classify(loaded: LoadedModel, image: Image.Image) -> dict[str, Answer]:
    """Returns what a model says of a picture, as the pipeline of transformers would: {"prompted" or "plain": answer}.

    A model without a prompt has one view.
    """
    pixels = loaded.processor(image, return_tensors="pt")["pixel_values"].to(loaded.model.dtype)
    views = {"prompted": True, "plain": False} if loaded.model.has_prompt else {"plain": False}
    return {name: _answer(loaded.model, pixels, prompted) for name, prompted in views.items()}


@torch.inference_mode()
def _answer(model: VPNsForImageClassification, pixels: Tensor, prompted: bool) -> Answer:
    logits, taken = _timed(lambda: model(pixels, prompted=prompted).logits[0])
    probabilities, places = logits.float().softmax(-1).sort(descending=True, stable=True)
    best = zip(places[:TOP].tolist(), probabilities[:TOP].tolist(), strict=True)
    seen = model.visual_prompt(pixels) if prompted else pixels
    return Answer([(model.config.id2label[place], share) for place, share in best], taken, _as_picture(seen[0]))


def _timed(work: Callable[[], Tensor]) -> tuple[Tensor, float]:
    """Returns what a piece of work gives, and the milliseconds that it takes."""
    result = work()  # the first time takes longer than all later ones
    times: list[float] = []
    while len(times) < REPEATS or sum(times) < 1000 * SECONDS:
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return result, median(times)


def _as_picture(pixels: Tensor) -> Image.Image:
    levels = (255 * pixels.float().clamp(0, 1)).round().to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).cpu().numpy())


def _with_code(model: FoundModel) -> Path:
    """Returns the folder of all files of a model; of one on the Hub they are downloaded."""
    if model.repo_id is None:
        return model.folder
    with refusals(f"{model.key} could not be loaded"):
        return Path(snapshot_download(model.repo_id))


def _processor(source: str | Path, name: str) -> BaseImageProcessor:
    try:
        return AutoImageProcessor.from_pretrained(source)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{name} has no image processor that can be loaded: {one_line(error)}") from error
