"""What every script does around its work: logs from the main process, and a wrong input in one line, code 2."""

from __future__ import annotations

import logging
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import datasets
import transformers

from .errors import InputError


def run_script(main: Callable[[], None]) -> None:
    """Runs `main`; exits with 2 after an InputError, whose line goes to standard error, and 130 when interrupted."""
    quiet_libraries()
    try:
        main()
    except InputError as error:
        if is_main_process():
            print(f"{Path(sys.argv[0]).name}: error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def quiet_libraries() -> None:
    """Shows warnings of the main process only, and no progress bars but our own."""
    level = logging.WARNING if is_main_process() else logging.ERROR
    logging.basicConfig(format="%(levelname)s: %(message)s", level=level)
    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()


def is_main_process() -> bool:
    """Whether this is the first of the processes that a launcher started."""
    return int(os.environ.get("RANK", "0")) == 0


def given_command() -> str:
    """Returns the command line this process was started with, the launcher included."""
    launcher = ["accelerate", "launch"] if "ACCELERATE_MIXED_PRECISION" in os.environ else ["python"]
    return shlex.join([*launcher, *sys.argv])
