from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn
from torch.distributed import destroy_process_group, init_process_group
from torch.nn.parallel import DistributedDataParallel

from tests.training_helpers import tiny_arguments
from vpns_hf import InputError
from vpns_hf.training import processes
from vpns_hf.training.processes import build_accelerator, check_all_joined, check_batch_size


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


@pytest.mark.parametrize(("size", "processes"), [(9, 2), (4, 4), (16, 3)])
def test_a_batch_that_cannot_be_shared_out(tmp_path, size, processes):
    with pytest.raises(InputError, match=f"train_batch_size is {size} with {processes} processes; .*at least"):
        check_batch_size(tiny_arguments(tmp_path, train_batch_size=size), processes)


@pytest.mark.parametrize(
    "changes", [{"train_batch_size": 8}, {"train_batch_size": 9, "per_device_train_batch_size": 2}]
)
def test_a_batch_that_can_be_shared_out(tmp_path, changes):
    check_batch_size(tiny_arguments(tmp_path, **changes), 4)


def test_a_share_that_has_too_few_images_for_its_parts(tmp_path):
    check_batch_size(tiny_arguments(tmp_path, train_batch_size=16, gradient_accumulation_steps=4), 2)
    with pytest.raises(InputError, match=r"gradient_accumulation_steps is 5 with 8 images per process .* at most 4$"):
        check_batch_size(tiny_arguments(tmp_path, train_batch_size=16, gradient_accumulation_steps=5), 2)


def test_the_batch_is_looked_at_before_anything_is_planned(tmp_path, monkeypatch):
    monkeypatch.setattr(processes.Accelerator, "num_processes", 3)
    monkeypatch.setattr(processes, "check_all_joined", lambda num_processes: None)
    with pytest.raises(InputError, match="16 with 3 processes"):
        build_accelerator(tiny_arguments(tmp_path))


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


def test_the_wrapper_is_set_without_a_warning(tmp_path, process_group):
    settings = build_accelerator(tiny_arguments(tmp_path)).ddp_handler.to_kwargs()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wrapped = DistributedDataParallel(nn.BatchNorm1d(3), **settings)
    assert wrapped.find_unused_parameters
    assert not wrapped.broadcast_buffers
    assert wrapped(torch.ones(2, 3)).shape == (2, 3)
