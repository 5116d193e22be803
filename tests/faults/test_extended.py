"""The same command with more sparsities adds to a finished job; what was finished stays as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults.interrupted import Crash
from tests.helpers import forget_accelerator
from tests.training_helpers import tiny_trainer
from vpns_hf import InputError, VPNsTrainer
from vpns_hf.training import Callback

pytestmark = pytest.mark.slow  # whole jobs

JOB = {"pretrain_epochs": 1, "dense_reference": True}
BOTH, ONE = [0.8, 0.5], [0.5]


class Runs(Callback):
    """Notes which runs have trained."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def on_stage_begin(self, run, stage) -> None:
        self.names.append(run.name)


def job(folder: Path, sparsities: list[float], *callbacks: Callback, **changes: object) -> VPNsTrainer:
    forget_accelerator()
    trainer = tiny_trainer(folder, sparsities=sparsities, **{**JOB, **changes})
    trainer.callbacks.extend(callbacks)
    return trainer


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_only_what_is_added_is_run_and_it_ends_with_the_same_bits(tmp_path):
    job(tmp_path / "once", BOTH).train()
    job(tmp_path / "twice", ONE).train()
    before, runs = contents(tmp_path / "twice/out/sparsity-50"), Runs()
    extended = job(tmp_path / "twice", BOTH, runs)
    words = (
        "Extends the finished job that lies there, if what it was made with is the same: 50% are kept; pre-training"
    )
    assert words in str(extended.plan())
    extended.train()
    assert set(runs.names) == {"pre-training", "80% sparsity"}
    assert contents(tmp_path / "twice/out/sparsity-50") == before
    once, twice = (json.loads((tmp_path / name / "out/results.json").read_text()) for name in ("once", "twice"))
    assert [run["sparsity_requested"] for run in twice["runs"]] == BOTH
    assert [run["accuracy"] for run in twice["runs"]] == [run["accuracy"] for run in once["runs"]]
    assert twice["dense"] == once["dense"]
    for name in ("sparsity-50", "sparsity-80"):
        weights = [(tmp_path / run / "out" / name / "model.safetensors").read_bytes() for run in ("once", "twice")]
        assert weights[0] == weights[1], name
    assert "- 0.8\n- 0.5\n" in (tmp_path / "twice/out/recipe.yaml").read_text()
    with pytest.raises(InputError, match=r"already holds results\.json"):
        job(tmp_path / "twice", BOTH)


def test_what_is_no_extension_is_refused_and_nothing_is_touched(tmp_path):
    job(tmp_path, ONE).train()
    before = contents(tmp_path / "out")
    for sparsities in (ONE, [0.8], [0.8, 0.9]):
        with pytest.raises(InputError, match="already holds"):
            job(tmp_path, sparsities)
    with pytest.raises(
        InputError, match=r"the finished job was made with learning_rate 0\.01, now 0\.02; to extend it"
    ):
        job(tmp_path, BOTH, learning_rate=0.02).train()
    with pytest.raises(InputError, match="already holds"):
        job(tmp_path, BOTH, resume_from_checkpoint="none")
    assert contents(tmp_path / "out") == before


def test_a_model_that_was_changed_since_is_made_again(tmp_path, caplog):
    job(tmp_path, ONE).train()
    weights = tmp_path / "out/sparsity-50/model.safetensors"
    saved = weights.read_bytes()
    weights.write_bytes(b"something else")
    runs = Runs()
    job(tmp_path, BOTH, runs).train()
    assert set(runs.names) == {"pre-training", "80% sparsity", "50% sparsity"}
    assert weights.read_bytes() == saved
    assert "is not as it was saved" in caplog.text


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"identity": 3, "processes": 1, "finished": {}, "versions": {}}'])
def test_a_file_that_tells_nothing_extends_nothing(tmp_path, damage):
    job(tmp_path, ONE).train()
    (tmp_path / "out/job.json").write_text(damage)
    with pytest.raises(InputError, match="already holds"):
        job(tmp_path, BOTH)


def test_interrupted_while_it_is_extended_it_goes_on(tmp_path):
    class Stop(Callback):
        def on_stage_finished(self, run, stage) -> None:
            if run.name == "80% sparsity":
                raise Crash

    job(tmp_path / "once", BOTH).train()
    job(tmp_path / "twice", ONE).train()
    with pytest.raises(Crash):
        job(tmp_path / "twice", BOTH, Stop()).train()
    job(tmp_path / "twice", BOTH).train()
    for name in ("sparsity-50", "sparsity-80"):
        weights = [(tmp_path / run / "out" / name / "model.safetensors").read_bytes() for run in ("once", "twice")]
        assert weights[0] == weights[1], name
