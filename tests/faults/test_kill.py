"""SIGKILL at random moments, each followed by the same command: the weights are those of the job that was left alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRIALS = 5


@pytest.mark.slow
def test_a_killed_job_ends_with_the_same_bits(tmp_path):
    figures = tmp_path / "figures.json"
    command = [sys.executable, "scripts/benchmark.py", "kill", "--trials", TRIALS, "--seed", 9, "--json", figures]
    ended = subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stderr
    *places, everywhere = json.loads(figures.read_text())["figures"]
    assert len(places) >= 4
    assert (everywhere["ours"], everywhere["reference"]) == (TRIALS, TRIALS)
