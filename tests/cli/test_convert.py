from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F
from transformers import AutoModelForImageClassification, ViTImageProcessorPil

from tests.conversion.originals import FULL, TINY, Original, Prompt, border, with_optimisers
from tests.helpers import pictures


@pytest.fixture
def convert(vpns):
    return partial(vpns, "convert")


@pytest.fixture
def original() -> Original:
    return Original.of(TINY["basic"](), Prompt("pad", border(3)))


@torch.no_grad()
def test_the_folder_loads_and_computes_what_the_original_does(convert, original, tmp_path):
    path = original.save(tmp_path / "a.pth", **with_optimisers(original))
    (tmp_path / "names.txt").write_text("cat\ndog\nowl\n")
    ended = convert(path, "--density", 0.3, "--output_dir", tmp_path / "out", "--class_names", tmp_path / "names.txt")
    assert (ended.code, ended.err) == (0, "")
    assert "sparsity 70.0" in ended.out
    assert "Note: the prompt is taken for pad" in ended.out
    assert ended.out.endswith(f"Written to {tmp_path / 'out'}, without a card: nothing was measured\n")
    assert not (tmp_path / "out" / "README.md").exists()
    model = AutoModelForImageClassification.from_pretrained(tmp_path / "out")
    assert model.config.id2label == {0: "cat", 1: "dog", 2: "owl"}
    assert ViTImageProcessorPil.from_pretrained(tmp_path / "out").size == {"height": 32, "width": 32}
    x = pictures(size=32)
    for prompted in (False, True):
        assert torch.allclose(model(x, prompted=prompted).logits, original.logits(x, 0.3, prompted), rtol=0, atol=1e-5)
    assert torch.equal(model(x).logits, model(x, prompted=False).logits)


def test_every_refusal_is_one_line_and_leaves_nothing(convert, original, tmp_path):
    path = original.save(tmp_path / "a.pth")
    (tmp_path / "cut.pth").write_bytes(path.read_bytes()[:5000])
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "mine.txt").write_text("kept")
    before = sorted(tmp_path.rglob("*"))
    out = ("--output_dir", tmp_path / "out")
    for arguments, message in (
        ((path, *out), "give --density"),
        ((path,), "required: --output_dir"),
        ((path, "--density", "x", *out), "invalid float value"),
        ((path, "--density", 1.5, *out), "density is 1.5"),
        ((path, "--density", 0.3, "--network", "resnet18", *out), "holds another network, not resnet18"),
        ((path, "--density", 0.3, "--visual_prompt", "fix", *out), "visual_prompt is fix, not pad"),
        ((path, "--density", 0.3, "--prompt_size", 4, *out), "prompt_size is 4, not 3"),
        ((path, "--density", 0.3, "--image_size", 33, *out), "image_size is 33"),
        ((path, "--density", 0.3, "--class_names", tmp_path / "none.txt", *out), "none.txt cannot be read"),
        ((path, "--density", 0.3, "--output_dir", tmp_path / "used"), "no empty folder"),
        ((path, "--density", 0.3, "--output_dir", path / "out"), "cannot be written to"),
        ((tmp_path / "cut.pth", "--density", 0.3, *out), "damaged"),
        ((tmp_path / "none.pth", "--density", 0.3, *out), "no such file"),
    ):
        assert message in convert(*arguments).refusal("vpns convert")
    assert sorted(tmp_path.rglob("*")) == before


MEASURED = """
import re, sys
from vpns_hf.cli.convert import main
import vpns_hf.conversion.class_names, vpns_hf.conversion.convert, vpns_hf.export.export  # the work alone is measured
from transformers import AutoProcessor, AutoTokenizer, ResNetForImageClassification

def kilobytes(what):
    return int(re.search(what + r":\\s+(\\d+)", open("/proc/self/status").read())[1])

before = kilobytes("VmRSS")
main()
print("grown by", 1024 * (kilobytes("VmHWM") - before))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
def test_a_checkpoint_of_full_size(tmp_path):
    """As it is released: 1000-way head, its density beside it. The memory, and the logits of pictures of 224 pixels."""
    mask = F.pad(torch.zeros(3, 192, 192), [16] * 4, value=1.0)
    program = torch.randn(3, 224, 224, generator=torch.Generator().manual_seed(3))
    original = Original.of(FULL["resnet50"](), Prompt("pad", mask, program))
    path = original.save(tmp_path / "1best.pth")
    (tmp_path / "args.json").write_text(json.dumps({"density_list": [1, 0.3, 0.1], "pad_size": 16, "input_size": 224}))
    command = [sys.executable, "-c", MEASURED, path, "--network", "resnet50", "--output_dir", tmp_path / "out"]
    run = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    assert int(re.search(r"grown by (\d+)", run.stdout)[1]) < 2 * path.stat().st_size
    path.unlink()
    model = AutoModelForImageClassification.from_pretrained(tmp_path / "out")
    x = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    for prompted in (False, True):
        expected = original.logits(x, 0.3, prompted)
        assert expected.std() > 0.01
        with torch.no_grad():
            assert torch.allclose(model(x, prompted=prompted).logits, expected, rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
@pytest.mark.parametrize("bookkeeping", [True, False])
def test_memory_stays_under_twice_the_size_of_the_file(bookkeeping, tmp_path):
    """A ResNet-18 of full size, of which every weight is kept: more need not be stored."""
    original = Original.of(FULL["resnet18"](), Prompt("pad", border(3)))
    path = original.save(tmp_path / "a.pth", **(with_optimisers(original) if bookkeeping else {}))
    command = [sys.executable, "-c", MEASURED, path, "--density", "1", "--output_dir", tmp_path / "out"]
    run = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    grown = int(re.search(r"grown by (\d+)", run.stdout)[1])
    weights = 4 * sum(scores.numel() for scores in original.scores.values())
    assert weights < grown < (1 if bookkeeping else 2) * path.stat().st_size
