from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn
from torch.distributed import destroy_process_group, init_process_group
from torch.nn.parallel import DistributedDataParallel

from tests.helpers import refusal
from vpns_hf import InputError
from vpns_hf.training.distributed import Machine, build_accelerator, check_all_joined
from vpns_hf.training.distributed import accelerator as processes


def test_a_precision_that_is_given_holds():
    assert build_accelerator(Machine(mixed_precision="bf16")).mixed_precision == "bf16"


def test_the_precision_of_an_earlier_job_is_not_taken_over_in_silence():
    build_accelerator(Machine(use_cpu=True, mixed_precision="bf16"))
    said = refusal(build_accelerator, Machine(use_cpu=True))
    assert said.startswith("mixed_precision is no, but an earlier job of this Python process had bf16; start another")


@pytest.mark.parametrize("report_to", ["tensorboard", "tensorboard,wandb"])
def test_a_tracker_that_is_not_installed(monkeypatch, report_to):
    monkeypatch.setattr(processes, "get_available_trackers", lambda: ["wandb"])
    assert refusal(build_accelerator, Machine(report_to=report_to)) == (
        f"report_to is {report_to!r}, of which tensorboard is not installed; "
        "installed: wandb; install what is missing, choose another, or give --report_to none"
    )


def test_no_tracker_at_all(monkeypatch):
    monkeypatch.setattr(processes, "get_available_trackers", lambda: [])
    with pytest.raises(InputError, match="report_to is 'all', but no tracker is installed; install one"):
        build_accelerator(Machine(report_to="all"))
    build_accelerator(Machine())  # not asked for


def test_processes_that_do_not_work_together(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match=r"2 processes were started, but .*ACCELERATE_USE_CPU=1"):
        check_all_joined(1)
    check_all_joined(2)


@pytest.fixture
def process_group(tmp_path):
    init_process_group("gloo", init_method=f"file://{tmp_path / 'group'}", rank=0, world_size=1)
    yield
    destroy_process_group()


def test_the_wrapper_is_set_without_a_warning(process_group):
    settings = build_accelerator(Machine()).ddp_handler.to_kwargs()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wrapped = DistributedDataParallel(nn.BatchNorm1d(3), **settings)
    assert wrapped.find_unused_parameters
    assert not wrapped.broadcast_buffers
    assert wrapped(torch.ones(2, 3)).shape == (2, 3)
