"""`vpns` and `python -m vpns_hf`: which command is meant, and what its help costs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

import vpns_hf
from vpns_hf.__main__ import command_named
from vpns_hf.cli import COMMANDS


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"]])
def test_without_a_command_each_is_listed(vpns, argv):
    ended = vpns(*argv)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("usage: vpns COMMAND ")
    for name, (_, _, does) in COMMANDS.items():
        [line] = [line for line in ended.out.splitlines() if line.split()[:1] == [name]]
        assert line.endswith(does)


def test_the_version(vpns):
    assert vpns("--version").out == f"vpns_hf {vpns_hf.__version__}\n"


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("prun", "there is no command prun; did you mean prune; see vpns --help"),
        ("check_datasets", "there is no command check_datasets; did you mean check-datasets; see vpns --help"),
        ("--seed", f"there is no command --seed; give one of {', '.join(COMMANDS)}; "),
        ("", f"there is no command ; give one of {', '.join(COMMANDS)}; "),
    ],
)
def test_a_command_that_does_not_exist(vpns, name, answer):
    assert vpns(name, "--dry_run").refusal("vpns").startswith(answer)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_called_by_its_name(name):
    assert callable(command_named(name))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_and_its_errors_begin_with_its_name(vpns, name):
    ended = vpns(name, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"usage: vpns {name} ")
    assert vpns(name, "--bogus", "1").refusal(f"vpns {name}")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("prune", ("Prune an image classifier", "--sparsities")),
        ("convert", ("--density", "--output_dir", "resnet18,resnet50,vgg16", "args.json")),
        ("export", ("--layout", "torchvision: model.pth", "resnet18")),
    ],
)
def test_the_help_names_options_files_and_networks(vpns, name, words):
    shown = " ".join(vpns(name, "--help").out.split())
    assert [word for word in words if word not in shown] == []


NEW_IN_HELP = """
import io, json, sys
from contextlib import redirect_stdout
import vpns_hf

def top_level():
    return {name.partition(".")[0] for name in sys.modules}

before, new = top_level(), {}
from vpns_hf.__main__ import main

for name in sys.argv[1:]:
    sys.argv[:] = ["vpns", name, "--help"]
    with redirect_stdout(io.StringIO()) as shown:
        try:
            main()
        except SystemExit as exit:
            assert not exit.code
    assert shown.getvalue().startswith("usage: vpns ")
    after = top_level()
    new[name], before = sorted(after - before), after
print(json.dumps(new))
"""
COSTLY = {"accelerate", "datasets", "evaluate", "matplotlib", "pandas", "pyarrow", "sklearn"}


@pytest.mark.slow
def test_no_help_waits_for_what_only_the_work_needs():
    """One process for all: what a command is the first to import is charged to it, and to no other."""
    run = subprocess.run([sys.executable, "-c", NEW_IN_HELP, *COMMANDS], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    new = json.loads(run.stdout)
    assert set(new) == set(COMMANDS)
    assert {name: packages for name in new if (packages := COSTLY & set(new[name]))} == {}


@pytest.mark.slow
def test_a_command_ends_in_silence_where_nobody_reads_on():
    reading, writing = os.pipe()
    os.close(reading)
    code = "from vpns_hf.cli.script import run_script; run_script(lambda: print('first line'))"
    run = subprocess.run([sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=120)
    os.close(writing)
    assert (run.returncode, run.stderr) == (128 + signal.SIGPIPE, "")
