from __future__ import annotations

import subprocess
import sys

import pytest

PACKAGES = ("methods", "training", "jobs", "data", "pruning")
# What others have made is imported once; what is ours by each child for itself.
PROGRAM = """
import importlib, os, sys
import accelerate, datasets, evaluate
from transformers import AutoModelForImageClassification, PreTrainedModel, ViTImageProcessorPil
from transformers.models.resnet import modeling_resnet

for package in sys.argv[1:]:
    child = os.fork()
    if not child:
        importlib.import_module(f"vpns_hf.{package}")
        from vpns_hf.jobs import VPNsTrainer
        from vpns_hf.methods import METHODS

        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{package} cannot be imported first")
"""


@pytest.mark.slow
def test_each_package_may_be_imported_first():
    done = subprocess.run([sys.executable, "-c", PROGRAM, *PACKAGES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
