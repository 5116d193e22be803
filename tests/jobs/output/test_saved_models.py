from __future__ import annotations

import pickle

import pytest

from tests.helpers import tiny_model
from vpns_hf import InputError, VPNsForImageClassification
from vpns_hf.jobs.output import SavedModels, save_model

LINE = "no model of sparsity 0.9 has been trained; there are: 0.5, 0.6"


@pytest.fixture
def models(tmp_path) -> SavedModels:
    """Models of two sparsities are known, that of the second is on disk."""
    models = SavedModels(tmp_path)
    models.add(0.5)
    models.add(0.6)
    save_model(tiny_model(), models.folder(0.6))
    return models


def test_a_model_is_loaded_from_its_folder(models):
    assert models.folder(0.6) == models.output_dir / "sparsity-60"
    assert isinstance(models[0.6], VPNsForImageClassification)


def test_what_has_been_saved_is_known_without_loading(models, monkeypatch):
    monkeypatch.setattr(VPNsForImageClassification, "from_pretrained", None)
    assert 0.5 in models
    assert 0.9 not in models
    assert "0.5" not in models
    assert list(models) == [0.5, 0.6]
    assert len(models) == 2


def test_a_sparsity_that_is_not_there_is_missing_as_in_every_mapping(models):
    assert models.get(0.9) is None
    assert models.get(0.9, 3) == 3
    for kind in (InputError, KeyError):
        with pytest.raises(kind) as error:
            models[0.9]
        assert str(error.value) == LINE
    assert str(pickle.loads(pickle.dumps(error.value))) == LINE


def test_before_training_there_is_none(tmp_path):
    with pytest.raises(InputError, match="there are: none yet"):
        SavedModels(tmp_path)[0.5]
