"""Serving the page: to this machine unless told otherwise, with nothing that asks another one."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..utils.text import one_line
from .classifying import Load, load
from .found import Found, models_on_hub
from .html import CSS

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HERE = "127.0.0.1"
LARGEST_UPLOAD = "20mb"
# Enforced by the browser: a card or a library may name whatever it likes.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:"
)
FONTS = {"font": ["system-ui", "sans-serif"], "font_mono": ["ui-monospace", "monospace"]}  # none is fetched
QUIET = "*neutral_500"  # as pale as can be read well


@dataclass(frozen=True)
class Address:
    """Where the page is served; a port that is None is the first free one of Gradio's."""

    host: str = HERE
    port: int | None = None


class OwnOrigin:
    """Middleware that forbids a browser every request to another place than this server."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", POLICY.encode())]
            await send(message)

        await self._app(scope, receive, send_with_policy)


@contextmanager
def served(found: Found, load_model: Load, address: Address = Address(), opens: bool = False) -> Iterator[str]:
    """Serves the page until the block ends; gives its address.

    Args:
        found: the models.
        load_model: loads one to be tried.
        address: where.
        opens: whether a browser is opened.

    Raises:
        InputError: if this machine has no such address, or the port is taken.
    """
    _check_host(address.host)
    with tempfile.TemporaryDirectory(prefix="vpns-browse-") as uploads, _staying_here(uploads):
        from .page import Page  # which imports Gradio, and that reads the environment

        blocks = Page(found, load_model).blocks
        try:
            _, url, _ = blocks.launch(**launch_options(), **_place(address), inbrowser=opens, prevent_thread_lock=True)
        except OSError as error:
            raise InputError(
                f"the page cannot be served at {address.host}, port {address.port}: it is taken or not allowed; give another --host or --port"
            ) from error
        try:
            yield url
        finally:
            blocks.close(verbose=False)


def serve_as_space(name: str) -> None:
    """Serves the page of models on the Hub as the program of a Space, until that is stopped."""
    with tempfile.TemporaryDirectory(prefix="vpns-browse-") as uploads, _staying_here(uploads):
        from .page import Page

        Page(models_on_hub(name), load).blocks.launch(**launch_options())


def launch_options() -> dict[str, Any]:
    """Returns how Gradio serves the page, here and as a Space."""
    import gradio as gr
    from starlette.middleware import Middleware

    theme = gr.themes.Default(**FONTS).set(body_text_color_subdued=QUIET, input_placeholder_color=QUIET)
    return {
        **{"theme": theme, "css": CSS, "footer_links": [], "max_file_size": LARGEST_UPLOAD},
        **{"quiet": True, "show_error": True, "ssr_mode": False, "pwa": False, "enable_monitoring": False},
        "app_kwargs": {"middleware": [Middleware(OwnOrigin)]},
    }


def _check_host(host: str) -> None:
    """Raises InputError where nothing can be served at an address, whatever the port."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host.strip("[]"), 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as tried:
            tried.bind(place)  # port 0: any that is free
    except (OSError, UnicodeError) as error:
        raise InputError(
            f"the page cannot be served at {host} ({one_line(error)}); give as --host an address of this machine, such as {HERE}"
        ) from error


def _place(address: Address) -> dict[str, Any]:
    return {"server_name": address.host, "server_port": address.port, "share": False}


@contextmanager
def _staying_here(uploads: str) -> Iterator[None]:
    """Has Gradio ask nothing of its makers, and keep uploads in a folder that goes with the page."""
    own = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1", "GRADIO_TEMP_DIR": uploads}
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
