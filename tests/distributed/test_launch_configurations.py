"""The configurations that are shipped for `accelerate launch`: each is understood, those that can are really launched."""

from __future__ import annotations

import json

import pytest
import torch
import yaml
from accelerate.commands.config.config_args import load_config_from_file
from safetensors.torch import load_file

from tests.distributed.launching import CONFIGS, SCRIPTS, accelerate_launch, ended, free_port
from tests.documents import Page

EXPECTED = {  # distributed_type, machines, processes, precision
    "cpu": ("MULTI_GPU", 1, 2, "no"),
    "one_gpu": ("NO", 1, 1, "bf16"),
    "multi_gpu": ("MULTI_GPU", 1, 4, "bf16"),
    "multi_node": ("MULTI_GPU", 2, 16, "bf16"),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_accelerate_understands_it(name):
    config = load_config_from_file(str(CONFIGS / f"{name}.yaml"))
    found = (config.distributed_type.value, config.num_machines, config.num_processes, config.mixed_precision)
    assert found == EXPECTED[name]
    written = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text(encoding="utf-8"))
    assert set(written) <= set(vars(config))


def test_each_is_shown_on_its_page():
    assert {path.stem for path in CONFIGS.glob("*.yaml")} == set(EXPECTED)
    page = Page("docs/processes.md").text
    for name in EXPECTED:
        [line] = [line for line in page.splitlines() if f"accelerate/{name}.yaml" in line]
        assert line.startswith("accelerate launch ")
        assert "scripts/prune.py" in line


def facts(output, rank: int) -> dict:
    return json.loads((output / f"rank-{rank}" / "facts.json").read_text())


def assert_one_job_of_two_processes(output) -> None:
    found = [facts(output, rank) for rank in (0, 1)]
    assert [(fact["processes"], fact["wrapper"]) for fact in found] == [(2, "DistributedType.MULTI_CPU")] * 2
    first, second = (load_file(output / f"rank-{rank}" / "states.safetensors") for rank in (0, 1))
    assert all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.mark.slow
def test_the_one_for_the_cpu_gives_two_processes(tmp_path):
    code, _, err = ended(accelerate_launch("cpu", SCRIPTS / "job.py", tmp_path))
    assert code == 0, err
    assert_one_job_of_two_processes(tmp_path)


@pytest.mark.slow
def test_two_machines_are_two_launches_that_differ_in_their_rank(tmp_path):
    shared = ["--num_processes", 2, "--main_process_ip", "127.0.0.1", "--main_process_port", free_port()]
    shared += ["--mixed_precision", "no"]
    launches = [
        accelerate_launch("multi_node", *shared, "--machine_rank", rank, SCRIPTS / "job.py", tmp_path)
        for rank in (0, 1)
    ]
    ends = [ended(launch) for launch in launches]
    assert [code for code, _, _ in ends] == [0, 0], ends
    assert_one_job_of_two_processes(tmp_path)
