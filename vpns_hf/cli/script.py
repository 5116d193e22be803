"""What every script does around its work: logs from the main process, and a wrong input in one line, code 2."""

from __future__ import annotations

import logging
import os
import re
import shlex
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import torch
import transformers
from PIL import Image
from torch.distributed import DistError

from ..errors import InputError, Interrupted, OwnInputError
from ..utils.memory import keep_freed_memory


def run_script(main: Callable[[], None]) -> None:
    """Runs `main`; exits with 2 after an InputError, 143 after SIGTERM, 130 after SIGINT, with one line of reason.

    When another process of the job is lost, every process that is left says so in one line and exits with 1. Where nobody reads
    what is printed any more it ends in silence.
    """
    quiet_libraries()
    keep_freed_memory()
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        main()
        sys.stdout.flush()
        _leave_processes()
    except InputError as error:
        _exit(2, f"error: {error}", by_all=isinstance(error, OwnInputError))
    except Interrupted as interruption:
        with _deaf():  # to a launcher that passes on the same signal
            _exit(interruption.code, str(interruption))
    except BrokenPipeError:  # whoever read what is printed has left, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _end(128 + signal.SIGPIPE)
    except RuntimeError as error:
        if (reason := lost_process(error)) is None:
            raise
        rank = os.environ.get("RANK", "0")
        print(f"{Path(sys.argv[0]).name}: error: process {rank} stops: {reason}", file=sys.stderr)
        _end(1)
    except KeyboardInterrupt:
        with _deaf():
            _exit(130, "stopped by SIGINT")
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise Interrupted(f"stopped by {signal.Signals(number).name}", number)


@contextmanager
def _deaf() -> Iterator[None]:
    """Ignores further requests to stop."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def _exit(code: int, line: str, by_all: bool = False) -> NoReturn:
    if by_all or is_main_process():
        print(f"{Path(sys.argv[0]).name}: {line}", file=sys.stderr)
    _end(code)


def _leave_processes() -> None:
    """Ends the connections to the other processes, whose threads would now and then abort an orderly end."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _end(code: int) -> NoReturn:
    if torch.distributed.is_initialized():  # and a thread may wait for another process: leaving could take for ever
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


class PlainLines(logging.Formatter):
    """What is going on, as it is; a warning or an error begins with what it is."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        return line if record.levelno == logging.INFO else f"{record.levelname}: {line}"


def show_epochs() -> None:
    """Shows a line for each epoch, in the place of progress bars."""
    logging.getLogger("vpns_hf.training.callbacks").setLevel(logging.INFO)


def quiet_libraries() -> None:
    """Shows warnings of the main process only, and no progress bars but our own."""
    level = logging.WARNING if is_main_process() else logging.ERROR
    logging.basicConfig(level=level)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(PlainLines())
    os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = (
        "1"  # read by `datasets`, which the help of a command does without
    )
    if "datasets" in sys.modules:
        sys.modules["datasets"].disable_progress_bars()
    for reader in ("arrow", "csv", "json", "parquet"):  # what these log they raise as well
        logging.getLogger(f"datasets.packaged_modules.{reader}.{reader}").setLevel(logging.CRITICAL)
    # Pillow still refuses what is twice as large. Not ignored around each decoding: threads share the filters.
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()


def is_main_process() -> bool:
    """Whether this is the first of the processes that a launcher started."""
    return int(os.environ.get("RANK", "0")) == 0


def given_command() -> str:
    """Returns a command line that starts the same processes: launcher, number of processes, script and its options."""
    launcher, program = _launcher(os.environ), sys.argv[:1]
    if program[0].startswith("vpns "):  # the installed command
        command = program[0].split()
        launcher, program = ([], command) if launcher == ["python"] else (launcher, ["-m", "vpns_hf", *command[1:]])
    return shlex.join([*launcher, *program, *sys.argv[1:]])


def _launcher(environment: Mapping[str, str]) -> list[str]:
    total = environment.get("WORLD_SIZE", "1")
    # accelerate starts several processes by way of torchrun, so it is looked for first.
    if "ACCELERATE_MIXED_PRECISION" in environment:
        return ["accelerate", "launch", "--num_processes", total, *_launcher_options(environment, int(total))]
    if "TORCHELASTIC_RUN_ID" not in environment:
        return ["python"]
    here = environment.get("LOCAL_WORLD_SIZE", total)
    machines = [] if here == total else ["--nnodes", str(int(total) // int(here))]
    return ["torchrun", *machines, "--nproc_per_node", here]


def _launcher_options(environment: Mapping[str, str], total: int) -> list[str]:
    """Returns the options of accelerate that have a part in the results; on another machine it may be configured otherwise."""
    machines = total // int(environment.get("LOCAL_WORLD_SIZE", total))
    options = ["--num_machines", str(machines)] if machines > 1 else []
    options += ["--mixed_precision", environment["ACCELERATE_MIXED_PRECISION"]]
    if environment.get("ACCELERATE_USE_CPU", "false").lower() in ("true", "1", "yes"):
        options.append("--cpu")
    backend = environment.get("ACCELERATE_DYNAMO_BACKEND", "no").lower()
    return options if backend == "no" else [*options, "--dynamo_backend", backend]


# The errors of gloo, which connects processes on CPUs, are of no class of their own.
OF_GLOO = re.compile(
    r"(?:\[[^\]]*\bgloo/[^\]]*\] |^(?=Application timeout caused pair closure))(?P<reason>.*?)(?:\. This is|$)"
)


def lost_process(error: RuntimeError) -> str | None:
    """Returns what to say if `error` means that another process is gone or silent; None if it means something else."""
    first = str(error).strip().partition("\n")[0]
    match = OF_GLOO.search(first)
    if match is None and not isinstance(error, DistError):
        return None
    reason = match["reason"] if match else first
    return f"another process of this job is gone or gave no answer in time ({reason}); see its output"
