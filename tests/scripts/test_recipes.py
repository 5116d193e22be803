from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from vpns_hf.training.command_line import parse_arguments

RECIPES = sorted((Path(__file__).parents[2] / "scripts" / "recipes").glob("*.yaml"))


def test_there_are_recipes():
    assert "digits.yaml" in [path.name for path in RECIPES]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_understood_field_by_field(recipe):
    inputs, args = parse_arguments([f"--config={recipe}"], recipe, "")
    understood = {**vars(inputs), **vars(args)}
    written = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    assert len(written) == len(
        [line for line in recipe.read_text(encoding="utf-8").splitlines() if line[:1].isalpha()]
    )
    for name, value in written.items():
        value = float(value) if isinstance(understood[name], float) else value  # 1e-3 is a word to YAML
        assert understood[name] == value, name
