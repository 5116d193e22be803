"""Processes of a job, started as a user would, on the CPU and the loopback interface."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import vpns_hf

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


def start(command: list[object], **settings: object) -> subprocess.Popen:
    """Starts a Python program; its two outputs are text that can be read."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        env={**environment, **{name: str(value) for name, value in settings.items()}},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def accelerate_launch(config: str, *arguments: object) -> subprocess.Popen:
    """Starts `accelerate launch` with one of the configurations that are shipped."""
    return start(["-m", "accelerate.commands.launch", "--config_file", CONFIGS / f"{config}.yaml", *arguments])


def start_ranks(*command: object) -> list[subprocess.Popen]:
    """Starts two processes that find each other, without a launcher that looks after them."""
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
    return [start(list(command), **shared, RANK=rank, LOCAL_RANK=rank) for rank in (0, 1)]


def ended(process: subprocess.Popen, seconds: float = 300) -> tuple[int, str, str]:
    """Waits for a process: its code, what it printed, and its errors."""
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return process.returncode, out, err
