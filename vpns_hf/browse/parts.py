"""What the sections of the page share."""

from __future__ import annotations

import gradio as gr

from .html import CLICKS

QUIET = {"api_visibility": "private", "show_progress": "hidden"}  # of every event


def written(value: str = "", visible: bool = True) -> gr.HTML:
    """Returns a part of the page that Python writes, with events `open`, `sort` and `example`."""
    return gr.HTML(value, js_on_load=CLICKS, apply_default_css=False, elem_classes="vp", visible=visible)
