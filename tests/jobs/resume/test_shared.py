from __future__ import annotations

import hashlib
import threading

import pytest
import torch

from tests.faults.interrupted import Runs
from tests.helpers import tiny_resnet
from tests.training_helpers import tiny_trainer
from vpns_hf.jobs.resume import SharedPart, SharedParts

JOB = {"pretrain_epochs": 1, "dense_reference": True, "method": "omp"}


def trained(folder, **changes: object) -> tuple[list[str], tuple[str, dict]]:
    """The runs that a job trains, and what it ends with."""
    trainer = tiny_trainer(folder, **{**JOB, **changes})
    runs = Runs()
    trainer.callbacks.append(runs)
    results = trainer.train()
    weights = hashlib.sha256((trainer.models.folder(0.5) / "model.safetensors").read_bytes()).hexdigest()
    return runs.names, (weights, results["dense"], results["runs"][0]["accuracy"])


@pytest.mark.slow
def test_what_is_shared_is_made_once_and_changes_no_bit(tmp_path):
    asked = {"dense_passes": "finetune", "distill_alpha": 0.5}
    shared = {"shared_dir": str(tmp_path / "shared"), **asked}
    dense, pruned = ["pre-training", "dense reference, 2 passes"], ["50% sparsity"]
    assert trained(tmp_path / "first", **shared)[0] == [*dense, *pruned]
    alone, beside = (
        trained(tmp_path / "alone", method="vpns", **asked),
        trained(tmp_path / "beside", method="vpns", **shared),
    )
    assert (alone[0], beside[0]) == ([*dense, *pruned], pruned)
    assert beside[1] == alone[1]
    assert trained(tmp_path / "prompt", visual_prompt="fix", **shared)[0] == pruned
    assert trained(tmp_path / "longer", finetune_epochs=2, **shared)[0] == ["dense reference, 4 passes", *pruned]
    assert trained(tmp_path / "seeded", seed=8, **shared)[0] == [*dense, *pruned]
    another = tiny_resnet()
    another.config.hidden_act = "gelu"  # of the same weights
    assert trained(tmp_path / "another", model=another, **shared)[0] == [*dense, *pruned]


def test_a_part_that_another_job_is_making_is_waited_for(tmp_path):
    begun, may_end, made = threading.Event(), threading.Event(), []

    def slowly() -> SharedPart:
        begun.set()
        may_end.wait(60)
        return SharedPart({"by": "the first"}, {"weight": torch.ones(2)})

    first = threading.Thread(target=lambda: made.append(SharedParts(tmp_path).made({"a": 1}, slowly)))
    first.start()
    begun.wait(60)
    found = SharedParts(tmp_path, may_end.set).made({"a": 1}, lambda: pytest.fail("made twice"))
    first.join()
    assert found.result == made[0].result == {"by": "the first"}
    assert torch.equal(found.weights["weight"], torch.ones(2))


def test_a_damaged_part_is_made_anew(tmp_path, caplog):
    def made(number: int) -> int:
        part = SharedParts(tmp_path).made({"a": 1}, lambda: SharedPart({"number": number}, {"w": torch.ones(1)}))
        return part.result["number"]

    assert [made(1), made(2)] == [1, 1]
    [file] = tmp_path.glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:20])
    assert [made(3), made(4)] == [3, 3]
    assert "is made anew" in caplog.text
