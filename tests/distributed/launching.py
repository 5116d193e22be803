"""Processes of a job, started as a user would, on the CPU and the loopback interface."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import vpns_hf
from tests.distributed.forking import Program

ROOT = Path(vpns_hf.__file__).parents[1]
CONFIGS = ROOT / "vpns_hf" / "recipes" / "accelerate"
SCRIPTS = Path(__file__).parent / "scripts"


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def is_open(port: int) -> bool:
    """Whether somebody listens."""
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


def environment(**settings: object) -> dict[str, str]:
    own = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "1"}
    return {**os.environ, **own, **{name: str(value) for name, value in settings.items()}}


def accelerate_launch(config: str, *arguments: object) -> subprocess.Popen:
    """Starts `accelerate launch` with one of the configurations that are shipped; its two outputs are text."""
    launch = ["-m", "accelerate.commands.launch", "--config_file", CONFIGS / f"{config}.yaml", *arguments]
    return subprocess.Popen(
        [sys.executable, *map(str, launch)],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start(command: list[object], **settings: object) -> Program:
    """Starts a Python program."""
    return Program([str(word) for word in command], environment(**settings))


def start_ranks(*command: object) -> list[Program]:
    """Starts two processes that find each other, without a launcher that looks after them."""
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
    return [start(list(command), **shared, RANK=rank, LOCAL_RANK=rank) for rank in (0, 1)]


def run_ranks(*command: object) -> str:
    """Runs a program in two processes to a good end, and returns what they said."""
    ends = [ended(process) for process in start_ranks(*command)]
    said = "\n".join(err for _, _, err in ends)
    assert [code for code, _, _ in ends] == [0, 0], said
    return said


def ended(process: Program | subprocess.Popen, seconds: float = 300) -> tuple[int, str, str]:
    """Waits for a process: its code, what it printed, and its errors."""
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return process.returncode, out, err
