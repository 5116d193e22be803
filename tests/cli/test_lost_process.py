from __future__ import annotations

import sys

import pytest
from torch.distributed import DistBackendError

from vpns_hf.cli.script import lost_process, run_script

GLOO = "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:537] Read error [127.0.0.1]:31976: Connection reset by peer. This is typically caused by"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError(GLOO), "(Read error [127.0.0.1]:31976: Connection reset by peer)"),
        (
            RuntimeError("[/a/gloo/transport/tcp/unbound_buffer.cc:78] Timed out waiting 5000ms for recv operation"),
            "(Timed out waiting 5000ms for recv operation)",
        ),
        (RuntimeError("Application timeout caused pair closure"), "(Application timeout caused pair closure)"),
        (DistBackendError("NCCL error: remote process exited\nmore"), "(NCCL error: remote process exited)"),
    ],
)
def test_what_means_a_lost_process(error, reason):
    assert reason in lost_process(error)


@pytest.mark.parametrize("text", ["mat1 and mat2 shapes cannot be multiplied", "the word gloo alone", ""])
def test_other_errors_are_not_taken_for_it(text):
    assert lost_process(RuntimeError(text)) is None


def test_a_script_says_it_in_one_line(monkeypatch, capsys):
    def main() -> None:
        raise RuntimeError(GLOO)

    monkeypatch.setattr(sys, "argv", ["scripts/prune.py"])
    monkeypatch.setenv("RANK", "3")
    with pytest.raises(SystemExit) as exit:
        run_script(main)
    assert exit.value.code == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("prune.py: error: process 3 stops: another process of this job is gone")


def test_a_script_raises_other_errors(monkeypatch):
    def main() -> None:
        raise RuntimeError("unexpected")

    with pytest.raises(RuntimeError, match="unexpected"):
        run_script(main)
