"""The same command with more sparsities adds to a finished job; what was finished stays as it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.faults.interrupted import Crash, Runs
from tests.helpers import contents, forget_accelerator, refusal, tiny_resnet
from tests.training_helpers import tiny_trainer
from vpns_hf import InputError, VPNsTrainer
from vpns_hf.training import Callback

pytestmark = pytest.mark.slow  # whole jobs

JOB = {"pretrain_epochs": 1, "dense_reference": True}
BOTH, ONE = [0.8, 0.5], [0.5]


def job(folder: Path, sparsities: list[float], *callbacks: Callback, **changes: object) -> VPNsTrainer:
    forget_accelerator()
    trainer = tiny_trainer(folder, sparsities=sparsities, **{**JOB, **changes})
    trainer.callbacks.extend(callbacks)
    return trainer


@pytest.fixture(scope="module")
def one(tmp_path_factory) -> Path:
    """A finished job of one sparsity."""
    folder = tmp_path_factory.mktemp("one")
    job(folder, ONE).train()
    return folder


@pytest.fixture
def extended(one, tmp_path) -> Path:
    """A copy of it, to be extended."""
    return shutil.copytree(one, tmp_path / "extended")


@pytest.fixture(scope="module")
def once(tmp_path_factory) -> Path:
    """A job that made both sparsities at once."""
    folder = tmp_path_factory.mktemp("once")
    job(folder, BOTH).train()
    return folder


def assert_same_weights(folder: Path, other: Path) -> None:
    for name in ("sparsity-50", "sparsity-80"):
        weights = [(place / "out" / name / "model.safetensors").read_bytes() for place in (folder, other)]
        assert weights[0] == weights[1], name


def test_only_what_is_added_is_run_and_it_ends_with_the_same_bits(extended, once):
    before, runs = contents(extended / "out/sparsity-50"), Runs()
    longer = job(extended, BOTH, runs)
    words = (
        "Extends the finished job that lies there, if what it was made with is the same: 50% are kept; pre-training"
    )
    assert words in str(longer.plan())
    longer.train()
    assert set(runs.names) == {"pre-training", "80% sparsity"}
    assert contents(extended / "out/sparsity-50") == before
    expected, found = (json.loads((folder / "out/results.json").read_text()) for folder in (once, extended))
    assert [run["sparsity_requested"] for run in found["runs"]] == BOTH
    assert [run["accuracy"] for run in found["runs"]] == [run["accuracy"] for run in expected["runs"]]
    assert found["dense"] == expected["dense"]
    assert_same_weights(extended, once)
    assert "- 0.8\n- 0.5\n" in (extended / "out/recipe.yaml").read_text()
    with pytest.raises(InputError, match=r"already holds results\.json"):
        job(extended, BOTH)


def test_what_is_no_extension_is_refused_and_nothing_is_touched(one):
    before = contents(one / "out")
    for sparsities in (ONE, [0.8], [0.8, 0.9]):
        with pytest.raises(InputError, match="already holds"):
            job(one, sparsities)
    with pytest.raises(
        InputError, match=r"the finished job was made with learning_rate 0\.01, now 0\.02; to extend it"
    ):
        job(one, BOTH, learning_rate=0.02).train()
    with pytest.raises(InputError, match="already holds"):
        job(one, BOTH, resume_from_checkpoint="none")
    assert contents(one / "out") == before


def test_a_model_that_was_changed_since_is_made_again(extended, caplog):
    weights = extended / "out/sparsity-50/model.safetensors"
    saved = weights.read_bytes()
    weights.write_bytes(b"something else")
    runs = Runs()
    job(extended, BOTH, runs).train()
    assert set(runs.names) == {"pre-training", "80% sparsity", "50% sparsity"}
    assert weights.read_bytes() == saved
    assert "is not as it was saved" in caplog.text


@pytest.mark.parametrize("recorded", [True, False])
def test_a_network_that_computes_otherwise_with_the_same_weights_is_refused(extended, recorded):
    """A job that has not recorded what its network computes is extended as before."""
    path = extended / "out/job.json"
    if not recorded:
        finished = json.loads(path.read_text())
        del finished["identity"]["network"]
        path.write_text(json.dumps(finished))
    other = tiny_resnet()
    other.config.hidden_act = "gelu"
    longer = job(extended, BOTH, model=other)
    if recorded:
        assert "the finished job was made with network " in refusal(longer.train)
    else:
        assert len(longer.train()["runs"]) == 2


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"identity": 3, "processes": 1, "finished": {}, "versions": {}}'])
def test_a_file_that_tells_nothing_extends_nothing(extended, damage):
    (extended / "out/job.json").write_text(damage)
    with pytest.raises(InputError, match="already holds"):
        job(extended, BOTH)


def test_interrupted_while_it_is_extended_it_goes_on(extended, once):
    class Stop(Callback):
        def on_stage_finished(self, run, stage) -> None:
            if run.name == "80% sparsity":
                raise Crash

    with pytest.raises(Crash):
        job(extended, BOTH, Stop()).train()
    job(extended, BOTH).train()
    assert_same_weights(extended, once)
