from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import refusal
from vpns_hf.conversion import PromptFacts, RecordedSettings
from vpns_hf.errors import InputError

SIZES = {"input_size": 192, "output_size": 224, "pad_size": 16, "mask_size": 183}


@pytest.fixture
def recorded(tmp_path):
    def record(name: str = "any.pth", **fields: Any) -> RecordedSettings:
        (tmp_path / "args.json").write_text(json.dumps(fields))
        return RecordedSettings.beside(tmp_path / name)

    return record


def test_nothing_recorded_takes_what_is_given(tmp_path):
    settings = RecordedSettings.beside(tmp_path / "1best.pth")
    assert settings.choose_density(0.35) == 0.35
    assert settings.choose_prompt(PromptFacts("pad")) == PromptFacts("pad")
    assert "--density" in refusal(settings.choose_density, None)


@pytest.mark.parametrize("density", [0.0, -0.1, 1.01, 30.0, float("nan"), float("inf")])
def test_densities_out_of_range(density, tmp_path):
    assert "it must be in (0, 1]" in refusal(RecordedSettings.beside(tmp_path / "a.pth").choose_density, density)


def test_the_name_of_the_file_is_a_place_in_the_list(recorded):
    for name, density in (("1best.pth", 0.6), ("2prune.pth", 0.5)):
        settings = recorded(name, density_list=[1.0, 0.6, 0.5])
        assert settings.choose_density(None) == settings.choose_density(density) == density
    assert "says 0.5" in refusal(settings.choose_density, 0.6)


def test_the_only_density_below_1_is_taken(recorded):
    assert recorded(density_list=[1, 0.3]).choose_density(None) == 0.3
    assert recorded(density_list=[1, 0.3, 0.3]).choose_density(None) == 0.3


def test_one_of_several_must_be_given(recorded):
    for name in ("mine.pth", "0best.pth", "7best.pth"):
        settings = recorded(name, density_list=[1, 0.3, 0.1])
        assert settings.choose_density(0.1) == 0.1
        assert "one of 0.3, 0.1 as args.json says" in refusal(settings.choose_density, None)
        assert "args.json beside it says 0.3, 0.1" in refusal(settings.choose_density, 0.2)


def test_the_prompt_is_recorded(recorded):
    assert recorded(prompt_method="pad", **SIZES).prompt == PromptFacts("pad", 16, 192, 224)
    assert recorded(prompt_method="random", **SIZES).prompt == PromptFacts("random", 183, 192, 224)
    assert recorded(prompt_method=None, **SIZES).prompt == PromptFacts("none", None, 192, None)
    assert recorded(**SIZES).prompt == PromptFacts(None, None, 192, 224)
    settings = recorded(prompt_method="pad", **SIZES)
    assert settings.choose_prompt(PromptFacts("pad", image_size=192)) == settings.prompt
    with pytest.raises(InputError, match=r"image_size is 224, not 192, as args\.json beside it says"):
        settings.choose_prompt(PromptFacts(image_size=224))


def test_what_is_wrong_in_a_record_is_said(recorded):
    for fields, message in (
        ({"density_list": "0.3"}, "density_list is '0.3', not a list of numbers"),
        ({"density_list": [1, None]}, "not a list of numbers"),
        ({"prompt_method": "magic"}, "prompt_method is 'magic'; allowed: pad, fix"),
        ({"input_size": 22.5}, "input_size is 22.5, not an integer"),
    ):
        with pytest.raises(InputError, match=message):
            recorded(**fields)


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '{"density_list": 3}', '{"density_list": ["x"]}', '{"input_size": "224"}', "\udcff"]
)
def test_a_record_that_cannot_be_read(text, tmp_path: Path):
    (tmp_path / "args.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert "args.json beside it cannot be read" in refusal(RecordedSettings.beside, tmp_path / "1best.pth")
