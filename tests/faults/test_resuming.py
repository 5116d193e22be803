"""What the same command does with an unfinished job, and what others do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.interrupted import Updates, crashed_job, job, weights
from tests.helpers import contents, forget_accelerator
from vpns_hf.errors import InputError

pytestmark = pytest.mark.slow  # whole jobs


def newest(folder: Path) -> Path:
    return max((folder / "out" / "checkpoints").glob("checkpoint-*"))


def test_the_same_command_goes_on(unfinished, expected):
    updates = Updates()
    job(unfinished, updates).train()
    assert updates.count == 18 - 10  # two updates of the second iteration in fine-tuning were followed by a checkpoint
    assert weights(unfinished) == expected
    assert not (unfinished / "out" / "checkpoints").exists()


def test_a_damaged_checkpoint_is_passed_over(tmp_path, expected, caplog):
    crashed_job(tmp_path, 16)
    file = newest(tmp_path) / "shared.pt"
    file.write_bytes(file.read_bytes()[:-9])
    caplog.clear()
    job(tmp_path).train()
    assert [record.message for record in caplog.records if record.message.startswith("damaged checkpoint: ")]
    assert weights(tmp_path) == expected


def test_changed_arguments_are_refused_and_nothing_is_touched(unfinished):
    before = contents(unfinished / "out")
    with pytest.raises(InputError, match=r"seed 7, now 8; learning_rate 0\.01, now 0\.02; give what it was"):
        job(unfinished, seed=8, learning_rate=0.02).train()
    assert contents(unfinished / "out") == before


def test_options_that_the_method_has_no_use_for_may_change(tmp_path):
    """An unfinished job of magnitude pruning does not ask how long a mask would have been searched for."""
    omp = {"method": "omp", "find_mask_epochs": 3, "label_mapping": "frequency"}
    crashed_job(tmp_path, 8, **omp)
    with pytest.raises(InputError, match=r"started with scope global, now layer; give what it was"):
        job(tmp_path, **omp, scope="layer").train()
    updates = Updates()
    unused = {"find_mask_epochs": 5, "imp_rewind_step": 1, "hydra_original": True}
    job(tmp_path, updates, **{**omp, **unused, "scope": "global"}).train()
    assert updates.count == 12 - 6  # the first epoch was followed by a checkpoint


def test_precision_is_what_accelerate_is_configured_for_not_only_what_is_asked(unfinished, monkeypatch):
    forget_accelerator()
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    with pytest.raises(InputError, match=r"started with mixed_precision no, now bf16; give what it was"):
        job(unfinished).train()


def test_precision_no_is_what_a_job_has_that_asks_for_none(unfinished, expected):
    job(unfinished, mixed_precision="no").train()
    assert weights(unfinished) == expected


def test_the_plan_says_where_the_job_goes_on(unfinished, tmp_path):
    assert "Goes on" not in str(job(tmp_path / "new").plan())
    line = f"Goes on from {newest(unfinished)}, if what it was started with is the same; what is finished is not run again"
    assert str(job(unfinished).plan()).splitlines()[-1] == line


def test_a_file_in_the_place_of_the_checkpoints_is_found_at_once(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "checkpoints").write_text("mine")
    with pytest.raises(InputError, match=r"out/checkpoints is a file, where checkpoints belong; move it away"):
        job(tmp_path)
    assert (tmp_path / "out" / "checkpoints").read_text() == "mine"


def test_a_checkpoint_that_goes_while_the_job_gets_ready(unfinished):
    late = job(unfinished)
    late.resumption.checkpoints.clear()
    with pytest.raises(InputError, match=r"checkpoint-\d+ is gone; repeat the command"):
        late.train()


def test_reporting_may_change(unfinished, expected):
    job(unfinished, disable_tqdm=False, checkpointing_steps=1, save_total_limit=1).train()
    assert weights(unfinished) == expected


def test_it_starts_anew_if_told_to(unfinished, expected):
    updates = Updates()
    job(unfinished, updates, resume_from_checkpoint="none").train()
    assert updates.count == 18
    assert weights(unfinished) == expected


def test_it_goes_on_from_a_checkpoint_that_is_named(unfinished, tmp_path, expected):
    job(tmp_path, resume_from_checkpoint=str(newest(unfinished))).train()
    assert weights(tmp_path) == expected


@pytest.mark.parametrize("name", ["nowhere", "nowhere/checkpoint-000001", ""])
def test_a_checkpoint_that_is_not_there(tmp_path, name):
    with pytest.raises(InputError, match="is no checkpoint; give latest, none, or a folder such as"):
        job(tmp_path, resume_from_checkpoint=str(tmp_path / name))
    assert not (tmp_path / "out").exists()


def test_a_finished_sparsity_is_not_run_again_unless_its_folder_was_changed(tmp_path, caplog):
    crashed_job(tmp_path, 25, sparsities=[0.5, 0.8])
    first = weights(tmp_path)
    crashed_job(tmp_path, 9, sparsities=[0.5, 0.8])  # of the second sparsity
    file = tmp_path / "out" / "sparsity-50" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    updates = Updates()
    job(tmp_path, updates, sparsities=[0.5, 0.8]).train()
    assert 18 < updates.count < 36
    assert "sparsity is run again" in caplog.text
    assert weights(tmp_path) == first


def test_old_results_stay_until_there_are_new_ones(tmp_path, expected):
    job(tmp_path).train()
    results = (tmp_path / "out" / "results.json").read_bytes()
    with pytest.raises(InputError, match="already holds"):
        job(tmp_path)
    crashed_job(tmp_path, 10, overwrite_output_dir=True)
    assert (tmp_path / "out" / "results.json").read_bytes() == results
    updates = Updates()
    job(tmp_path, updates, overwrite_output_dir=True).train()
    assert updates.count == 12  # the first 6 found the mask
    assert weights(tmp_path) == expected
