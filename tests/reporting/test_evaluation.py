from __future__ import annotations

import pytest

from vpns_hf.reporting import CostRecord, ModelEvaluation, ViewAccuracy


@pytest.mark.parametrize(("nonzero", "title"), [(100, "This model"), (25, "Pruned")])
def test_only_a_model_without_some_weights_is_called_pruned(nonzero, title):
    accuracy = ViewAccuracy(None, 0.9)
    told = ModelEvaluation("digits", "test", 10, accuracy, ViewAccuracy(), False, nonzero, 100, 400, CostRecord())
    headings = [line.split("|")[-2].strip() for line in str(told).splitlines() if line.startswith("|  ")]
    assert headings == [title, title]
