from __future__ import annotations

import pytest

from tests.training_helpers import tiny_arguments
from vpns_hf import InputError
from vpns_hf.training import processes
from vpns_hf.training.processes import build_accelerator


def test_a_precision_that_is_given_holds(tmp_path):
    assert build_accelerator(tiny_arguments(tmp_path, mixed_precision="bf16")).mixed_precision == "bf16"


@pytest.mark.parametrize("report_to", ["tensorboard", "tensorboard,wandb"])
def test_a_tracker_that_is_not_installed(tmp_path, monkeypatch, report_to):
    monkeypatch.setattr(processes, "get_available_trackers", lambda: ["wandb"])
    with pytest.raises(InputError) as error:
        build_accelerator(tiny_arguments(tmp_path, with_tracking=True, report_to=report_to))
    assert str(error.value) == (
        f"report_to is {report_to!r}, of which tensorboard is not installed; "
        "installed: wandb; install what is missing, choose another, or leave out --with_tracking"
    )


def test_no_tracker_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "get_available_trackers", lambda: [])
    with pytest.raises(InputError, match="report_to is 'all', but no tracker is installed; install one"):
        build_accelerator(tiny_arguments(tmp_path, with_tracking=True))
    build_accelerator(tiny_arguments(tmp_path))  # not asked for
