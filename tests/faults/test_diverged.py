"""What a job that has diverged says and leaves, and how one goes on with other options."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.faults.interrupted import job, weights
from tests.helpers import refusal

pytestmark = pytest.mark.slow  # whole jobs

START_ANEW = "start anew with --resume_from_checkpoint none"
TOO_HIGH = {"learning_rate": 1e30}


def refused(folder: Path, **changes: object) -> str:
    return refusal(lambda: job(folder, **changes).train())


def test_a_lower_rate_goes_on_as_both_messages_say(tmp_path, expected):
    diverged = refused(tmp_path, **TOO_HIGH)
    assert "lower the learning rates" in diverged
    assert diverged.endswith(START_ANEW)
    changed = refused(tmp_path)
    assert re.search(
        r"learning_rate 1e\+30, now 0\.01; .*another --output_dir, or --resume_from_checkpoint none", changed
    )
    job(tmp_path, resume_from_checkpoint="none").train()
    assert weights(tmp_path) == expected


def test_another_folder_will_do(tmp_path, expected):
    refused(tmp_path, **TOO_HIGH)
    job(tmp_path, output_dir=str(tmp_path / "second" / "out")).train()
    assert weights(tmp_path / "second") == expected


def test_what_every_update_diverged_in_says_the_same(tmp_path):
    assert refused(tmp_path, **TOO_HIGH, skip_nonfinite=True).endswith(START_ANEW)


@pytest.mark.parametrize("there", ["out", "out/a", "out/a/b"])
def test_no_empty_folder_is_left(tmp_path, there):
    """Pre-training diverges before there is anything to keep."""
    (tmp_path / there).mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    deep = {"output_dir": str(tmp_path / "out" / "a" / "b"), "cache_images": "no"}
    refused(tmp_path, pretrain_epochs=1, pretrain_learning_rate=1e30, **deep)
    assert sorted(path for path in tmp_path.rglob("*") if "cache" not in path.parts) == before
