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

from vpns_hf import InputError
from vpns_hf.cli.script import given_command, is_main_process, run_script
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


def test_a_fault_of_the_program_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        run_script(raises(ZeroDivisionError()))


def test_a_script_that_works_just_returns():
    assert run_script(lambda: None) is None


LAUNCHED = ("ACCELERATE_MIXED_PRECISION", "TORCHELASTIC_RUN_ID", "WORLD_SIZE", "LOCAL_WORLD_SIZE")


@pytest.mark.parametrize(
    ("environment", "start"),
    [
        ({}, "python"),
        ({"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}, "torchrun --nproc_per_node 2"),
        (
            {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"},
            "torchrun --nnodes 2 --nproc_per_node 4",
        ),
        ({"ACCELERATE_MIXED_PRECISION": "no"}, "accelerate launch --num_processes 1"),
        (
            {"ACCELERATE_MIXED_PRECISION": "no", "TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "2"},
            "accelerate launch --num_processes 2",
        ),
    ],
)
def test_the_command_starts_the_same_processes(monkeypatch, environment, start):
    for name in LAUNCHED:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert given_command() == f"{start} /some/where/script.py --seed 7 --name 'two words'"
