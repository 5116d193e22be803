from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.training_helpers import tiny_trainer
from vpns_hf import VPNsTrainingArguments
from vpns_hf.cli.prune import parse_arguments
from vpns_hf.jobs import public_recipe, write_recipe

INPUTS = {"model_name_or_path": "/home/me/models/resnet", "dataset_name": "org/pictures", "model_revision": None}


def read(path: Path) -> tuple:
    return parse_arguments(["--config", str(path)])


def test_every_option_comes_back(tmp_path):
    args = VPNsTrainingArguments(
        output_dir="out", sparsities=[0.4, 0.955], mixed_precision="no", learning_rate=1e-05, image_mean=[0.5] * 3
    )
    write_recipe(tmp_path / "recipe.yaml", {**INPUTS, **vars(args)})
    inputs, again = read(tmp_path / "recipe.yaml")
    assert again == args
    assert (inputs.model_name_or_path, inputs.dataset_name, inputs.model_revision) == tuple(INPUTS.values())


@pytest.mark.slow
def test_a_job_leaves_its_recipe_and_each_model_its_own(tmp_path):
    trainer = tiny_trainer(tmp_path, sparsities=[0.3, 0.6])
    trainer.train()
    written = yaml.safe_load((tmp_path / "out" / "recipe.yaml").read_text())
    given = {name: value for name, value in vars(trainer.args).items() if value is not None}
    assert written == {**given, "mixed_precision": "no"}  # as accelerate is configured
    own = yaml.safe_load((tmp_path / "out" / "sparsity-60" / "recipe.yaml").read_text())
    assert own["sparsities"] == [0.6]
    assert str(tmp_path) not in (tmp_path / "out" / "sparsity-60" / "recipe.yaml").read_text()
    assert "(recipe.yaml)" in (tmp_path / "out" / "sparsity-60" / "README.md").read_text()


def test_a_public_recipe_tells_no_folders():
    shown = public_recipe({**INPUTS, "output_dir": "/home/me/out", "cache_dir": "/home/me", "seed": 7}, 0.7)
    assert shown == {
        "model_name_or_path": "./resnet",
        "dataset_name": "org/pictures",
        "model_revision": None,
        "seed": 7,
        "sparsities": [0.7],
    }
