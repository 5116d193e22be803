"""Look at pruned models in the browser: all of them in a chart, one by one, tried on a picture, side by side."""

from __future__ import annotations

import os
import threading
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING

from ..utils.extras import of_extra
from .parsing import OneLineParser

if TYPE_CHECKING:
    from ..browse import Found

FOLDER = "output"
LAST_PORT = 65535


def main() -> None:
    """Serves the page as the command line says, until it is interrupted."""
    parser = browse_parser()
    given = parser.parse_args()
    if given.space is None and (given.public or given.token):
        parser.error("--public and --token go with --space")
    from .. import browse  # after parsing, so that the help comes at once
    from ..hub import check_repo_id

    with of_extra("the page needs gradio", "browse"):
        import gradio  # noqa: F401 (what the page is made of)
    if given.space is not None:
        check_repo_id(given.space)
    found = find(given.models)
    if given.space is not None:
        print(browse.publish_space(given.space, given.models, found, given.public, given.token))
        return
    load = browse.load_by_own_code if given.trust_remote_code else browse.load
    with browse.served(found, load, browse.Address(given.host, given.port), given.open) as url:
        print(f"{len(found.models)} models of {found.place}: {url} (ends with Ctrl-C)", flush=True)
        threading.Event().wait()


def find(name: str) -> Found:
    """Returns the models of a folder, if there is one of that name, or else of the Hub.

    Raises:
        InputError: if there are none.
    """
    from .. import browse

    folder = Path(name).expanduser()
    return browse.models_below(folder) if folder.is_dir() or name == FOLDER else browse.models_on_hub(name)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= LAST_PORT:
        raise ArgumentTypeError(f"{text} is no port; allowed: 1 to {LAST_PORT}")
    return int(text)


def browse_parser() -> ArgumentParser:
    """The options of `vpns browse`."""
    parser = OneLineParser(description=__doc__)
    add = parser.add_argument
    add(
        "models",
        nargs="?",
        default=FOLDER,
        metavar="MODELS",
        help="A folder of jobs, a study or one job; or on the Hub a collection (its slug or address), a model, or vpns for all "
        f"with that tag. {FOLDER} if not given.",
    )
    add("--host", default="127.0.0.1", metavar="ADDRESS", help="Who may ask for the page: 0.0.0.0 for every machine.")
    add(
        "--port",
        type=_port,
        default=os.environ.get("GRADIO_SERVER_PORT"),
        metavar="NUMBER",
        help="$GRADIO_SERVER_PORT, or the first free one from 7860 on, if not given.",
    )
    add("--open", action="store_true", help="Open a browser.")
    add(
        "--trust_remote_code",
        action="store_true",
        help="Run the Python files of models to load them, in the place of this package's.",
    )
    add("--space", metavar="ID", help="Publish the page as the Space owner/name of the Hub, and stop.")
    add("--public", action="store_true", help="For --space: let everybody see it; without this option it is private.")
    add(
        "--token",
        metavar="TOKEN",
        help="For --space: with write access; HF_TOKEN or that of `hf auth login` if not given.",
    )
    return parser
