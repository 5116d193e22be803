"""What `make checkpoints` would do, as make itself says."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from tests.command_parsing import parse
from tests.documents import ROOT

PRUNED = {"vpns-c10": [0.4, 0.6, 0.7, 0.9], "channel-c10": [0.5], "vpns-c100": [0.7]}


def make(*arguments: str) -> subprocess.CompletedProcess:
    """What make would run, of `make setup` aside."""
    command = ["make", "--no-print-directory", "--dry-run", "--old-file", "setup", "checkpoints", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def folders(root: Path) -> list[str]:
    given = {name: root / name.lower() for name in ("BASE", "CIFAR10", "CIFAR100")}
    for folder in given.values():
        folder.mkdir()
    return [f"{name}={folder}" for name, folder in given.items()]


def test_every_command_of_the_checkpoints_is_understood(tmp_path):
    ended = make(*folders(tmp_path), f"CHECKPOINTS={tmp_path}/made", "CHECKPOINT_ARGS=--finetune_epochs 1")
    assert ended.returncode == 0, ended.stderr
    commands = [shlex.split(line) for line in ended.stdout.splitlines() if "scripts/" in line and "for " not in line]
    for _, script, *arguments in commands:
        parse(script, arguments)
    made = {Path(words[words.index("--output_dir") + 1]).name: words for words in commands if "--output_dir" in words}
    for name, sparsities in PRUNED.items():
        at = made[name].index("--sparsities") + 1
        assert list(map(float, made[name][at : at + len(sparsities)])) == sparsities
        assert made[name][-2:] == ["--finetune_epochs", "1"]
    assert "--int8" in made["channel-c10-onnx"]


def test_what_is_finished_is_not_made_again(tmp_path):
    for name in PRUNED:
        (tmp_path / "made" / name).mkdir(parents=True)
        (tmp_path / "made" / name / "job.json").touch()
    ended = make(*folders(tmp_path), f"CHECKPOINTS={tmp_path}/made")
    assert "scripts/prune.py" not in ended.stdout
    assert ended.stdout.count("scripts/export.py") == 1
    assert ended.stdout.count("scripts/model_cards.py") == 3  # one of them for each of four sparsities


def test_a_folder_that_is_missing_is_told_in_one_line(tmp_path):
    ended = make(folders(tmp_path)[0])
    [line] = ended.stderr.splitlines()
    assert ended.returncode == 2
    assert 'CIFAR10 is "", where no folder is; give make checkpoints BASE=DIR CIFAR10=DIR CIFAR100=DIR' in line
    assert ended.stdout == ""
