"""`vpns browse`: what it is told, and how it says what is wrong."""

from __future__ import annotations

import sys

import pytest

from tests.browse.made_up import made_up_run, write_job
from vpns_hf.cli import browse as command


@pytest.fixture
def job(tmp_path):
    return write_job(tmp_path / "job", [made_up_run(0.5, 0.8)])


@pytest.mark.parametrize(
    ("argv", "environment", "said"),
    [
        (["--port", "70000"], {}, "argument --port: 70000 is no port; allowed: 1 to 65535"),
        ([], {"GRADIO_SERVER_PORT": "http"}, "argument --port: http is no port; allowed: 1 to 65535"),
        (["--public"], {}, "--public and --token go with --space"),
        (["--host", "999.1.1.1"], {}, "the page cannot be served at 999.1.1.1 ("),
        (["--host", "192.0.2.1"], {}, "the page cannot be served at 192.0.2.1 ("),
        (["--space", "vpns/page"], {}, "is a folder of this machine, which a Space cannot read"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(vpns, job, monkeypatch, argv, environment, said):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert said in vpns("browse", job, *argv).refusal("vpns browse")


def test_the_name_of_a_space_is_looked_at_before_the_hub_is_asked(vpns):
    line = vpns("browse", "not/here", "--space", "page").refusal("vpns browse")
    assert line.startswith("'page' is no repository id; give owner/name")


def test_the_folder_of_all_jobs_is_browsed_unless_another_is_named(vpns, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = vpns("browse").refusal("vpns browse")
    assert line == "there is no folder output; give one that `vpns prune` has written, such as output"
    write_job(tmp_path / "output", [made_up_run(0.5, 0.8)])
    assert list(command.find("output").by_key) == ["sparsity-50"]


def test_without_gradio_it_says_how_to_install_it(vpns, job, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)  # which makes an import of it fail
    line = vpns("browse", job).refusal("vpns browse")
    assert line == 'the page needs gradio, which is not installed; pip install "vpns_hf[browse]"'
