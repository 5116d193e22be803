from __future__ import annotations

import json
import sys

import pytest
import torch

from tests.scripts.running import Ended, how_it_ends, script_at
from vpns_hf.cli.script import run_script

ROW = {"name": "a thing", "ours": 1.0, "reference": 2.0, "ratio": 0.5, "unit": "ms"}


@pytest.fixture
def benchmark(monkeypatch, capsys):
    """Calls scripts/benchmark.py with one measurement, which notes that it was taken."""
    script, measured = script_at("benchmark.py"), []
    monkeypatch.setattr(script, "BENCHMARKS", {"thing": lambda: measured.append("thing") or [ROW]})

    def call(*argv: object) -> tuple[Ended, list[str]]:
        monkeypatch.setattr(sys, "argv", ["benchmark.py", "thing", *map(str, argv)])
        return how_it_ends(lambda: run_script(script.main), capsys), measured

    return call


def test_the_figures_are_printed_and_written(benchmark, tmp_path):
    ended, measured = benchmark("--json", tmp_path / "figures.json")
    assert (ended.code, measured) == (0, ["thing"])
    assert "a thing" in ended.out
    assert json.loads((tmp_path / "figures.json").read_text())["figures"] == [ROW]


@pytest.mark.parametrize("name", ["nowhere/figures.json", "."])
def test_a_file_that_cannot_be_written_is_found_before_measuring(benchmark, tmp_path, name):
    ended, measured = benchmark("--json", tmp_path / name)
    assert ended.refusal("benchmark.py").startswith(f"--json {tmp_path / name} cannot be written to (")
    assert measured == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU to measure")
def test_without_a_gpu_there_is_nothing_to_measure(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["benchmark.py", "gpu", "--json", str(tmp_path / "figures.json")])
    run_script(script_at("benchmark.py").main)
    assert capsys.readouterr().out == "no GPU was found: nothing was measured\n"
    assert not list(tmp_path.iterdir())


def test_a_measurement_that_fails_leaves_files_as_they_were(benchmark, tmp_path, monkeypatch):
    (tmp_path / "old.json").write_text("old")
    monkeypatch.delitem(ROW, "ours")
    for name in ("old.json", "new.json"):
        with pytest.raises(KeyError):
            benchmark("--json", tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["old.json"]
    assert (tmp_path / "old.json").read_text() == "old"
