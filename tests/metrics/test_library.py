from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_script_named_like_the_library_is_passed_over(tmp_path):
    """As every script beside scripts/evaluate.py sees it; what is looked up afterwards is the library, too."""
    (tmp_path / "evaluate.py").write_text("raise SystemExit('the script was imported')\n")
    script = tmp_path / "other.py"
    script.write_text(
        "from vpns_hf.metrics import METRICS\nimport evaluate, sys\nprint(evaluate.__version__, sys.path[0])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split()[1] == str(tmp_path)
