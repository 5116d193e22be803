from __future__ import annotations

import io
import logging
import signal
import sys
import warnings

import datasets
import pytest
import transformers
from PIL import Image
from torch.distributed import DistBackendError

from vpns_hf import InputError
from vpns_hf.cli.script import given_command, is_main_process, lost_process, run_script
from vpns_hf.data.images import StoredDecoder
from vpns_hf.errors import Interrupted


@pytest.fixture(autouse=True)
def libraries_as_they_were(monkeypatch):
    verbosity, handlers = transformers.utils.logging.get_verbosity(), logging.getLogger().handlers[:]
    monkeypatch.setattr(sys, "argv", ["/some/where/script.py", "--seed", "7", "--name", "two words"])
    yield
    transformers.utils.logging.set_verbosity(verbosity)
    transformers.utils.logging.enable_progress_bar()
    datasets.enable_progress_bars()
    logging.getLogger().handlers[:] = handlers


def ending(main) -> int:
    with pytest.raises(SystemExit) as exit:
        run_script(main)
    return exit.value.code


def raises(error: BaseException):
    def main() -> None:
        raise error

    return main


def test_a_wrong_input_is_one_line_and_code_2(capsys):
    assert ending(raises(InputError("seed is -1; allowed: 0 to 9"))) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "script.py: error: seed is -1; allowed: 0 to 9\n")


def test_other_processes_say_nothing(capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert not is_main_process()
    assert ending(raises(InputError("seed is -1"))) == 2
    assert capsys.readouterr().err == ""


def test_a_signal_that_is_repeated_while_the_script_ends(monkeypatch, capsys):
    class Late(io.StringIO):
        def write(self, text: str) -> int:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
            return super().write(text)

    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    monkeypatch.setattr(sys, "stderr", Late())
    assert ending(raises(Interrupted("stopped by SIGTERM; checkpoint", signal.SIGTERM))) == 143
    assert sys.stderr.getvalue() == "script.py: stopped by SIGTERM; checkpoint\n"
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


@pytest.fixture
def interruptible():
    """Python's own answer to SIGINT: shells let jobs in the background ignore the signal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interruption_has_its_own_code_and_line(capsys):
    assert ending(lambda: signal.raise_signal(signal.SIGINT)) == 130
    assert capsys.readouterr().err == "script.py: stopped by SIGINT\n"


def test_a_large_image_that_is_accepted_is_no_warning(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with warnings.catch_warnings(record=True) as caught:
        run_script(lambda: StoredDecoder().decode([0], [picture(11)], [4]))
        [bad] = StoredDecoder().decode([0], [picture(20)], [4])
    assert caught == []
    assert "decompression bomb" in bad.reason


def picture(side: int) -> dict:
    file = io.BytesIO()
    Image.new("RGB", (side, side)).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": None}


@pytest.mark.parametrize("fault", [ZeroDivisionError("by zero"), RuntimeError("unexpected")])
def test_a_fault_of_the_program_is_not_hidden(fault):
    with pytest.raises(type(fault), match=str(fault)):
        run_script(raises(fault))


def test_a_script_that_works_just_returns():
    assert run_script(lambda: None) is None


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


def test_a_lost_process_is_said_in_one_line(monkeypatch, capsys):
    monkeypatch.setenv("RANK", "3")
    assert ending(raises(RuntimeError(GLOO))) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("script.py: error: process 3 stops: another process of this job is gone")


RUN = {"TORCHELASTIC_RUN_ID": "none"}
ACCELERATE = {"ACCELERATE_MIXED_PRECISION": "no", "ACCELERATE_USE_CPU": "false"}


@pytest.fixture
def started(monkeypatch):
    """Sets what a launcher tells its processes."""

    def set_environment(environment: dict[str, str]) -> None:
        for name in ("ACCELERATE_MIXED_PRECISION", "TORCHELASTIC_RUN_ID", "WORLD_SIZE", "LOCAL_WORLD_SIZE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

    return set_environment


@pytest.mark.parametrize(
    ("environment", "script", "command"),
    [
        ({}, "python /some/where/script.py", "vpns prune"),
        (
            {**RUN, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"},
            "torchrun --nproc_per_node 2 /some/where/script.py",
            "torchrun --nproc_per_node 2 -m vpns_hf prune",
        ),
        (
            {**RUN, "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"},
            "torchrun --nnodes 2 --nproc_per_node 4 /some/where/script.py",
            "torchrun --nnodes 2 --nproc_per_node 4 -m vpns_hf prune",
        ),
        (
            ACCELERATE,
            "accelerate launch --num_processes 1 --mixed_precision no /some/where/script.py",
            "accelerate launch --num_processes 1 --mixed_precision no -m vpns_hf prune",
        ),
        (
            {**ACCELERATE, **RUN, "WORLD_SIZE": "2"},
            "accelerate launch --num_processes 2 --mixed_precision no /some/where/script.py",
            "accelerate launch --num_processes 2 --mixed_precision no -m vpns_hf prune",
        ),
        (
            {
                **{"ACCELERATE_MIXED_PRECISION": "bf16", "ACCELERATE_USE_CPU": "true"},
                **{"ACCELERATE_DYNAMO_BACKEND": "INDUCTOR", **RUN, "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"},
            },
            "accelerate launch --num_processes 8 --num_machines 2 --mixed_precision bf16 --cpu --dynamo_backend inductor "
            "/some/where/script.py",
            "accelerate launch --num_processes 8 --num_machines 2 --mixed_precision bf16 --cpu --dynamo_backend inductor "
            "-m vpns_hf prune",
        ),
    ],
)
def test_the_command_starts_the_same_processes(monkeypatch, started, environment, script, command):
    started(environment)
    assert given_command() == f"{script} --seed 7 --name 'two words'"
    monkeypatch.setattr(sys, "argv", ["vpns prune", *sys.argv[1:]])
    assert given_command() == f"{command} --seed 7 --name 'two words'"
