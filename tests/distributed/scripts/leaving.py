"""Two processes that end in one of several ways: run as `leaving.py END`."""

from __future__ import annotations

import sys

import torch
import torch.distributed

from vpns_hf.cli.script import run_script
from vpns_hf.errors import InputError


def finished() -> None:
    torch.distributed.all_reduce(torch.zeros(1))


def refused() -> None:
    if torch.distributed.get_rank() == 0:
        torch.distributed.irecv(torch.zeros(1), src=1)  # a thread waits for it
        raise InputError("this is not allowed")
    torch.distributed.all_reduce(torch.zeros(1))


ENDS = {"finished": finished, "refused": refused}


def main() -> None:
    torch.distributed.init_process_group("gloo")
    print("begun")
    ENDS[sys.argv[1]]()


if __name__ == "__main__":
    run_script(main)
    print(f"connected: {torch.distributed.is_initialized()}")
