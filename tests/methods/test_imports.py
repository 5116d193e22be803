from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("package", ["methods", "training"])
def test_methods_and_training_may_each_be_imported_first(package):
    command = (
        f"import vpns_hf.{package}; from vpns_hf.methods import METHODS; from vpns_hf.training import VPNsTrainer"
    )
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
