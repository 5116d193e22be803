"""Models side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.browse.made_up import found_in, made_up_run
from vpns_hf.browse import Agreement, RightAndWrong, comparison_of, option_rows, right_and_wrong
from vpns_hf.reporting import Predictions, save_predictions

LABELS = [0, 0, 1, 1, 1]
FIRST = [True, True, True, False, False]
SECOND = [True, False, False, True, False]


@pytest.fixture
def two(tmp_path):
    options = {"learning_rate": 0.1, "image_size": 32, "output_dir": "x"}
    found = found_in(tmp_path, {"a": [made_up_run(0.5, 0.8)], "b": [made_up_run(0.5, 0.7, seed=8)]}, options=options)
    for model, right in zip(found.models, (FIRST, SECOND), strict=True):
        save_predictions(
            model.job_folder / "predictions.npz", LABELS, {"sparsity-50": Predictions({"plain": np.array(right)})}
        )
    return list(found.models)


def test_options_that_differ_come_first():
    rows = option_rows([{"a": 1, "b": 2, "output_dir": "x"}, {"a": 1, "b": 3, "c": None}, {"a": 1, "b": 2, "d": [1]}])
    assert [(row.name, row.values, row.differs) for row in rows] == [
        ("b", (2, 3, 2), True),
        ("d", (None, None, [1]), True),
        ("a", (1, 1, 1), False),
        ("c", (None, None, None), False),
    ]


def test_the_switch_hides_what_is_the_same(two):
    differing, whole = comparison_of(two, True), comparison_of(two, False)
    for name in ("method", "learning_rate", "image_size"):
        assert f">{name}</th>" not in differing
        assert f">{name}</th>" in whole
    for html in (differing, whole):
        assert "<td>7</td><td>8</td>" in html
        assert "output_dir" not in html
    assert whole.index(">seed<") < whole.index(">method<")
    assert 'class="vp-marked"><th scope="row">seed<' in whole


def test_where_both_are_right_and_wrong(two):
    one, other = map(right_and_wrong, two)
    assert Agreement.of(one, other) == Agreement(both=1, first=2, second=1, neither=1)
    html = comparison_of(two, True)
    assert "Only a/sparsity-50" in html
    assert '<th scope="row">b/sparsity-50</th><td>1</td><td>2</td><td>1</td><td>1</td>' in html


def test_predictions_of_other_images_are_not_compared(two):
    save_predictions(
        two[1].job_folder / "predictions.npz",
        [1, 0, 1, 1, 1],
        {"sparsity-50": Predictions({"plain": np.array(SECOND)})},
    )
    assert "No two of these models keep their predictions of the same images" in comparison_of(two, True)


@pytest.mark.parametrize("told", [{"test_digest": "5 (b)"}, {"dataset": "svhn"}])
def test_predictions_of_other_images_with_the_same_labels_are_not_compared(two, told):
    """As two balanced folders have them."""
    digest = {} if "dataset" in told else {"test_digest": "5 (a)"}
    models = [
        replace(two[0], results=replace(two[0].results, **digest)),
        replace(two[1], results=replace(two[1].results, **told)),
    ]
    assert "No two of these models" in comparison_of(models, True)


@pytest.mark.parametrize("content", [None, b"nonsense", b"PK\x03\x04broken"])
def test_predictions_that_are_not_there_or_damaged(two, content):
    path = two[0].job_folder / "predictions.npz"
    path.unlink() if content is None else path.write_bytes(content)
    assert right_and_wrong(two[0]) is None
    assert "No two of these models" in comparison_of(two, True)


def test_classes_that_differ_most_come_first(two):
    html = comparison_of(two, True)
    assert "<td>80.00%</td><td>70.00%</td>" in html
    assert html.index(">cat<") < html.index(">dog<")  # dog: 0.5 of both


def test_one_model_is_no_comparison(two):
    assert "Choose two models or more." in comparison_of(two[:1], True)


def test_rights_are_in_the_view_a_model_takes_by_default(tmp_path):
    [model] = found_in(tmp_path, {"a": [made_up_run(0.5, 0.8, 0.9)]}).models
    views = Predictions({"plain": np.array(FIRST), "prompted": np.array(SECOND)})
    save_predictions(model.job_folder / "predictions.npz", LABELS, {"sparsity-50": views})
    found = right_and_wrong(model)
    assert isinstance(found, RightAndWrong)
    assert found.right.tolist() == SECOND
    assert found.labels.tolist() == LABELS


def test_both_views_stand_beside_the_dense_model(tmp_path):
    jobs = {"a": [made_up_run(0.5, 0.81, 0.84)], "b": [made_up_run(0.5, 0.71)]}
    html = comparison_of(found_in(tmp_path, jobs, dense=0.93).models, True)
    for title, cells in {
        "With the prompt": ("84.00%", "no prompt"),
        "Without": ("81.00%", "71.00%"),
        "Dense model": ("93.00%",) * 2,
    }.items():
        row = f'<th scope="row">{title}</th>' + "".join(f"<td>{cell}</td>" for cell in cells)
        assert row in html
