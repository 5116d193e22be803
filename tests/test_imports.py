from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("package", ["methods", "training", "jobs", "data", "pruning"])
def test_each_package_may_be_imported_first(package):
    command = f"import vpns_hf.{package}; from vpns_hf.methods import METHODS; from vpns_hf.jobs import VPNsTrainer"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
