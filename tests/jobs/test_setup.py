from __future__ import annotations

import pytest

from tests.training_helpers import tiny_arguments
from vpns_hf import InputError
from vpns_hf.jobs import accelerator_of, check_batch_size, preparations_of
from vpns_hf.training import FastStemGradient
from vpns_hf.training.distributed import accelerator
from vpns_hf.training.preparations import compiled


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
    monkeypatch.setattr(accelerator.Accelerator, "num_processes", 3)
    monkeypatch.setattr(accelerator, "check_all_joined", lambda num_processes: None)
    with pytest.raises(InputError, match="16 with 3 processes"):
        accelerator_of(tiny_arguments(tmp_path))


def test_without_a_compiler(tmp_path, monkeypatch):
    monkeypatch.setattr(compiled.shutil, "which", lambda name: None)
    with pytest.raises(InputError, match=r"needs a C\+\+ compiler; install g\+\+, or leave out --torch_compile"):
        preparations_of(tiny_arguments(tmp_path, torch_compile=True))
    assert [type(preparation) for preparation in preparations_of(tiny_arguments(tmp_path))] == [FastStemGradient]
