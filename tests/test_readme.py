"""What README shows, run."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def snippets(document: str) -> list[str]:
    """The Python blocks of a document of the repository, in order."""
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / document).read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.slow
def test_the_python_snippets_run_in_an_empty_folder(tmp_path):
    code = "\n".join(snippets("README.md"))
    assert "VPNsTrainer(" in code
    assert "pipeline(" in code
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600
    )
    assert run.returncode == 0, run.stderr
    assert "'prompted':" in run.stdout
    assert (tmp_path / "output" / "from_python" / "sparsity-70" / "README.md").exists()


def test_every_script_option_in_readme_exists():
    from scripts.benchmarks import BENCHMARKS
    from vpns_hf.cli.hub import evaluate_parser, list_parser, push_parser
    from vpns_hf.jobs.arguments import InputArguments, VPNsTrainingArguments

    [listing] = list_parser()._subparsers._group_actions[0].choices.values()
    parsers = (evaluate_parser(""), push_parser(""), listing)
    fields = {
        *(action.dest for parser in parsers for action in parser._actions),
        *InputArguments.__dataclass_fields__,
        *VPNsTrainingArguments.__dataclass_fields__,
        *(name for benchmark in BENCHMARKS.values() for name in inspect.signature(benchmark).parameters),
        "config",
        "help",
        "json",
        *(
            option
            for script in (ROOT / "scripts").glob("*.py")
            for option in re.findall(r'"--(\w+)"', script.read_text())
        ),
    }
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    launcher = {"multi_gpu", "num_processes", "quiet", "num_cpu_threads_per_process", "num_machines", "nproc_per_node"}
    launcher |= {"config_file", "machine_rank", "main_process_ip", "cpu"}
    named = set(re.findall(r"--([a-z][a-z_0-9]+)", text)) - launcher - {"index"}
    assert named
    assert named <= fields


def test_every_path_in_readme_and_contributing_exists():
    text = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md"))
    paths = set(re.findall(r"`((?:vpns_hf|scripts|tests|model_cards)/[\w./]*)`", text))
    assert paths
    assert not [path for path in paths if not (ROOT / path).exists()]
