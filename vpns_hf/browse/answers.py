"""What models say of a picture, side by side."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from ..reporting import milliseconds, percent
from .classifying import Answer
from .found import FoundModel
from .html import Markup, bars, element, picture

VIEWS = {"prompted": "With the prompt", "plain": "Without the prompt"}


@dataclass(frozen=True)
class Asked:
    """A model that was given the picture.

    Attributes:
        title: what it is called here.
        model: that was asked.
        answers: by view; empty where it could not be loaded.
        refusal: the reason then, in a line.
    """

    title: str
    model: FoundModel
    answers: Mapping[str, Answer]
    refusal: str = ""


def answers_side_by_side(asked: Sequence[Asked]) -> Markup:
    """Returns a card for each model: its views, their five most probable classes, and how long each took."""
    return element("div", *map(_card, asked), class_="vp-cards")


def as_data(image: Image.Image) -> str:
    """Returns a picture as an address that holds it."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _card(asked: Asked) -> Markup:
    if asked.refusal:
        content = [element("p", asked.refusal, class_="vp-error", role="alert")]
    else:
        content = [_view(asked, view, answer) for view, answer in asked.answers.items()]
    views = element("div", *content, class_="vp-views")
    return element("section", element("h2", asked.title), views, class_="vp-card")


def _view(asked: Asked, view: str, answer: Answer) -> Markup:
    default = ", as by default" if view == asked.model.run.view and len(asked.answers) > 1 else ""
    seen = picture(as_data(answer.seen), f"The picture as {asked.title} sees it, {VIEWS[view].lower()}")
    rows = [(name, share, percent(share)) for name, share in answer.classes]
    says = f"{VIEWS[view]}{default}: {milliseconds(answer.milliseconds)}"
    return element("div", element("h3", says), seen, bars(rows, "The most probable classes"), class_="vp-view")
