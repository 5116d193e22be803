"""The section in which a picture is given to models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from ..errors import InputError
from ..hub import example_files, label_of
from ..reporting import percent
from ..utils.text import counted
from .answers import Asked, answers_side_by_side, as_data
from .classifying import LoadedModels, classify
from .found import DENSE, Found, FoundModel
from .html import Markup, element, joined, picture
from .parts import QUIET, written
from .pictures import UploadedPictures, read_picture
from .view import MOST_TRIED

# So that no answer that took long is shown in the place of a later one, and one model at a time is loaded.
ONE_BY_ONE = {**QUIET, "concurrency_id": "try", "concurrency_limit": 1}


class TrySection:
    """Models to choose, a place to drop a picture on, examples, and the answers.

    Args:
        found: the models.
        loaded: those in memory.
    """

    def __init__(self, found: Found, loaded: LoadedModels) -> None:
        self._found, self._loaded, self._pictures = found, loaded, UploadedPictures()
        self.chosen = gr.Dropdown(
            list(found.by_key),
            multiselect=True,
            value=[],
            label=f"Models, {MOST_TRIED} at most",
            max_choices=MOST_TRIED,
        )
        self._image = gr.State(None)
        upload = gr.File(label="Drop a picture here, or choose one", height=150)
        self._examples = written()
        self._answers = written()
        answered = [self._image, self._examples, self._answers]
        upload.upload(self._uploaded, [upload, self.chosen], [upload, *answered], **ONE_BY_ONE)
        self._examples.example(self._example, [self.chosen], answered, **ONE_BY_ONE)

    def show_after(self, event: Any) -> None:
        """Shows examples and answers of the chosen models after an event."""
        answered = [self._examples, self._answers]
        event.then(self._shown, [self.chosen, self._image], answered, **ONE_BY_ONE)

    def _shown(self, keys: Sequence[str], image: Image.Image | None) -> list[str]:
        return [self._offered(keys), self._asked(keys, image)]

    def _uploaded(self, path: str, keys: Sequence[str]) -> list[Any]:
        """Reads a picture, of which no file stays, and asks the models."""
        try:
            image, said = self._pictures.read(Path(path)), None
        except InputError as error:
            image, said = None, element("p", str(error), class_="vp-error", role="alert")
        return [None, image, self._offered(keys), said or self._asked(keys, image)]

    def _example(self, event: gr.EventData, keys: Sequence[str]) -> list[Any]:
        image = read_picture(self._example_files(keys)[event.place])
        return [image, self._offered(keys), self._asked(keys, image)]

    def _example_files(self, keys: Sequence[str]) -> list[Path]:
        """Returns the examples of the first model that has some: of those that are chosen, or else of all."""
        models = [self._found.by_key[key] for key in keys] or self._found.models
        found = (example_files(folder) for model in models for folder in (model.folder, model.job_folder))
        return next(filter(None, found), [])

    def _offered(self, keys: Sequence[str]) -> Markup:
        files = self._example_files(keys)
        if not files:
            return element("p", "No pictures of the test split are kept beside these models.", class_="vp-note")
        buttons = [_example_button(place, path) for place, path in enumerate(files)]
        entries = [element("li", button) for button in buttons if button is not None]
        unread = f" ({counted(buttons.count(None), 'other')} cannot be read)" if None in buttons else ""
        return joined(
            element("p", f"Or one of the test split{unread}:", class_="vp-note"),
            element("ul", *entries, class_="vp-examples"),
        )

    def _asked(self, keys: Sequence[str], image: Image.Image | None) -> Markup:
        models = [self._found.by_key[key] for key in keys[:MOST_TRIED]]
        if not models or image is None:
            missing = "a model" if not models else "a picture"
            return element("p", f"Choose {missing}.", class_="vp-note", role="status")
        dense = self._dense_of(models[0])
        first = (
            [self._ask(dense, image, _dense_title(dense, models[0]))]
            if dense is not None and dense not in models
            else []
        )
        asked = answers_side_by_side([*first, *(self._ask(model, image, model.key) for model in models)])
        return asked if first else joined(_no_dense(models[0]), asked)

    def _dense_of(self, model: FoundModel) -> FoundModel | None:
        """Returns the dense model that a model is compared with; where its job has kept none, another of its network and data set."""
        same = [
            other for other in self._found.models if (other.network, other.dataset) == (model.network, model.dataset)
        ]
        dense = [one for one in same if one.run.method == DENSE]
        kept = filter(None, (one.dense_model() for one in (model, *same)))
        return next((one for one in (*kept, *dense) if one.is_loadable), None)

    def _ask(self, model: FoundModel, image: Image.Image, title: str) -> Asked:
        try:
            return Asked(title, model, classify(self._loaded.get(model), image))
        except InputError as error:
            return Asked(title, model, {}, str(error))


def _dense_title(dense: FoundModel, model: FoundModel) -> str:
    """Says which dense model it is: one of another job may have been trained otherwise than that a model is compared with."""
    whose = "Dense" if dense.job_folder == model.job_folder else "Dense, of another job"
    return f"{whose}, {percent(dense.accuracy)}: {dense.key}"


def _example_button(place: int, path: Path) -> Markup | None:
    """Returns what chooses an example; None where it is no picture that can be read."""
    try:
        data, label = as_data(read_picture(path)), label_of(path)
    except InputError:
        return None
    shown = picture(data, f"Example {place + 1}: {label}")
    return element("button", shown, label, type="button", data_example=place)


def _no_dense(model: FoundModel) -> Markup:
    text = (
        f"No dense {model.network} on {model.dataset} is kept here to stand beside these; jobs of vpns prune keep one beside "
        "their models."
    )
    return element("p", text, class_="vp-note")
