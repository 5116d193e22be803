"""Write a model in ONNX, or as timm, torchvision or transformers reads it: a pruned one with its zeros folded in, or any dense one."""

from __future__ import annotations

from vpns_hf.cli.export import main
from vpns_hf.cli.script import run_script

if __name__ == "__main__":
    run_script(main)
