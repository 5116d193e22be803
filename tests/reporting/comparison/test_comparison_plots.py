from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from tests.reporting.comparison.compared import compared, over_seeds
from vpns_hf.reporting import CostRecord, DenseResult
from vpns_hf.reporting.comparison import Agreement, settings_of
from vpns_hf.reporting.comparison.plots import (
    COSTS,
    Point,
    agreement_figure,
    cost_figure,
    density_figure,
    front,
    is_known,
    sparsity_figure,
)

COST = CostRecord(macs=4_000_000, macs_nonzero=1_000_000)


def setting(*runs):
    [found] = settings_of(runs)
    return found


def lines(axes) -> dict[str, np.ndarray]:
    return {
        line.get_label(): np.array(line.get_xydata()) for line in axes.lines if not line.get_label().startswith("_")
    }


def both_sparsities(method: str, accuracies: dict[int, float], **fields):
    return [run for sparsity in (0.9, 0.95) for run in over_seeds(method, accuracies, sparsity=sparsity, **fields)]


def test_accuracy_against_sparsity_has_a_line_for_each_method_and_bands_over_seeds():
    """Of 90 and 92: mean 91, deviation sqrt(2)."""
    figure = sparsity_figure(
        setting(*both_sparsities("vpns", {7: 0.90, 9: 0.92}), *both_sparsities("omp", {7: 0.9, 9: 0.9}))
    )
    [axes] = figure.axes
    drawn = lines(axes)
    np.testing.assert_allclose(drawn["vpns (60 passes)"], [[90, 91], [95, 91]])
    np.testing.assert_allclose(drawn["dense model, 60 passes"][:, 1], 90)
    assert list(axes.get_xticks()) == [90, 95]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["90", "95"]
    [band] = axes.collections  # none of omp, whose seeds do not differ
    low, high = (extreme(band.get_paths()[0].vertices[:, 1]) for extreme in (np.min, np.max))
    assert (low, high) == (pytest.approx(91 - 2**0.5), pytest.approx(91 + 2**0.5))
    assert "means of 2 seeds" in axes.get_xlabel()
    assert "% of prunable weights removed" in axes.get_xlabel()


THIN = compared("omp", 0.9, options={"budget": "channels"}, recorded={"granularity": "channel"})


def test_what_a_sparsity_counts_is_said():
    [axes] = sparsity_figure(setting(compared("vpns", 0.98), THIN)).axes
    assert "% of prunable weights or channels removed" in axes.get_xlabel()


def test_beside_what_they_cost_channels_and_weights_may_be_ranked():
    thin = compared("omp", 0.9, options={"budget": "channels"}, recorded={"granularity": "channel"}, cost=COST)
    runs = setting(compared("vpns", 0.98, cost=COST), thin)
    hollow = "hollow: not to be ranked"
    assert hollow in sparsity_figure(runs).axes[0].get_xlabel()
    assert hollow not in cost_figure(runs, COSTS["macs"]).axes[0].get_xlabel()


def test_the_dense_models_and_the_deviations_lie_within_the_axes():
    """Of 90 and 92: mean 91, deviation sqrt(2); dense 95."""
    runs = over_seeds("vpns", {7: 0.90, 9: 0.92}, dense=asdict(DenseResult(0.95, passes=60)), cost=COST)
    for figure in (sparsity_figure(setting(*runs)), cost_figure(setting(*runs), COSTS["macs"])):
        [axes] = figure.axes
        low, high = axes.get_ylim()
        assert low < 91 - 2**0.5 and high > 95


def test_the_deviation_of_a_single_sparsity_is_a_bar():
    [axes] = sparsity_figure(setting(*over_seeds("vpns", {7: 0.90, 9: 0.92}))).axes
    [bar] = axes.collections
    np.testing.assert_allclose(bar.get_segments()[0][:, 1], [91 - 2**0.5, 91 + 2**0.5])


def test_the_best_are_drawn_on_a_scale_of_their_own_where_others_are_far_below():
    figure = sparsity_figure(setting(compared("vpns", 0.98), compared("omp", 0.2)))
    assert [axes.get_ylim() for axes in figure.axes] == [(pytest.approx(8.3), pytest.approx(100.4)), (88, 100)]


def test_a_run_that_removes_nothing_is_a_line_across_and_leaves_the_axis_to_the_others():
    runs = [*both_sparsities("vpns", {7: 0.9}), compared("dense", 0.97, sparsity=0.0)]
    axes = sparsity_figure(setting(*runs)).axes[0]
    assert set(lines(axes)["dense (60 passes)"][:, 1]) == {97}
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["90", "95"]
    assert axes.get_xlim()[0] > 85


def test_what_may_not_be_ranked_is_hollow():
    axes = sparsity_figure(
        setting(compared("vpns", 0.9), compared("omp", 0.9), compared("imp", 0.95, passes=99))
    ).axes[0]
    hollow = [line for line in axes.lines if line.get_markerfacecolor() == "white" and len(line.get_xydata())]
    np.testing.assert_allclose([line.get_xydata() for line in hollow], [[[90, 95]]])
    assert "hollow: not to be ranked" in axes.get_xlabel()


def test_the_front_is_what_nothing_cheaper_is_as_accurate_as():
    points = [Point(3, 90), Point(1, 80), Point(2, 80), Point(2, 85), Point(4, 89), Point(5, 91)]
    assert front(points) == [Point(1, 80), Point(2, 85), Point(3, 90), Point(5, 91)]


def test_accuracy_against_a_cost_has_the_dense_model_on_the_front_and_no_run_of_other_passes():
    cheaper = CostRecord(macs=4_000_000, macs_nonzero=500_000)
    runs = [
        compared("vpns", 0.8, cost=COST),
        compared("omp", 0.85, cost=COST),
        compared("imp", 0.9, passes=99, cost=cheaper),
    ]
    drawn = lines(cost_figure(setting(*runs), COSTS["macs"]).axes[0])
    np.testing.assert_allclose(drawn["dense model, 60 passes"], [[4, 90]])
    np.testing.assert_allclose(drawn["vpns (60 passes)"], [[1, 80]])
    np.testing.assert_allclose(drawn["Pareto front of the means"], [[1, 85], [4, 90]])


def test_the_front_goes_through_no_runs_of_other_passes_at_another_sparsity_whatever_their_order():
    """At each sparsity one method alone, and nothing there tells that the third had more passes than the others."""
    runs = [
        compared("omp", 0.8, cost=COST),
        compared("vpns", 0.85, sparsity=0.5, cost=CostRecord(macs=4_000_000, macs_nonzero=2_000_000)),
        compared("imp", 0.95, sparsity=0.98, passes=400, cost=CostRecord(macs=4_000_000, macs_nonzero=500_000)),
    ]
    for given in (runs, runs[::-1]):
        drawn = lines(cost_figure(setting(*given), COSTS["macs"]).axes[0])
        np.testing.assert_allclose(drawn["Pareto front of the means"], [[1, 80], [2, 85], [4, 90]])
    alone = lines(cost_figure(setting(runs[0], runs[2]), COSTS["macs"]).axes[0])
    assert "Pareto front of the means" not in alone


def test_latency_is_that_beside_the_dense_network_and_of_one_machine_alone():
    def timed(method: str, milliseconds: float, device: str = "a"):
        cost = CostRecord(
            milliseconds=milliseconds, dense_milliseconds=4, device=device, dtype="float32", batch_size=1
        )
        return compared(method, 0.9, cost=cost)

    both = setting(timed("vpns", 2), timed("omp", 8))
    assert is_known(COSTS["latency"], both)
    np.testing.assert_allclose(lines(cost_figure(both, COSTS["latency"]).axes[0])["omp (60 passes)"], [[2, 90]])
    assert not is_known(COSTS["latency"], setting(timed("vpns", 2), timed("omp", 8, "b")))
    assert not is_known(COSTS["latency"], setting(timed("vpns", 2), compared("omp", 0.9)))
    assert not is_known(COSTS["bytes"], both)


def test_density_by_layer_has_a_column_for_each_method_and_frames_what_a_seed_has_emptied():
    runs = [
        compared("vpns", 0.9, 7, kept=[4, 2]),
        compared("vpns", 0.9, 9, kept=[2, 0]),
        compared("omp", 0.9, kept=[1, 3]),
    ]
    axes = density_figure(setting(*runs), 0.9).axes[0]
    np.testing.assert_allclose(axes.images[0].get_array(), [[30, 10], [10, 30]])
    assert [text.get_text() for text in axes.texts] == ["30", "10", "10", "30"]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["vpns", "omp"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["0", "1"]
    [frame] = axes.patches
    assert (frame.get_center()[0], frame.get_center()[1]) == (pytest.approx(0), pytest.approx(1))


def test_agreement_is_a_heat_map_that_says_what_chance_comes_to():
    shares = np.array([[1, 0.25], [0.25, 1]])
    figure = agreement_figure(Agreement(0.9, ["vpns, 7", "omp, 7"], shares, 0.053), "net on data")
    axes, bar = figure.axes
    np.testing.assert_array_equal(axes.images[0].get_array(), 100 * shares)
    assert [text.get_text() for text in axes.texts] == ["100", "25", "25", "100"]
    assert "5.3%" in bar.get_ylabel()


@pytest.mark.slow
def test_long_names_are_wrapped_and_leave_room_for_the_plots(recwarn):
    names = ("pretrain_epochs", "find_mask_epochs", "finetune_epochs", "max_train_samples", "prompt_learning_rate")
    options = [dict.fromkeys(names, value) for value in (1000, 2000)]
    runs = [compared("vpns", 0.9, options=given, kept=[1, 2]) for given in options]
    both = setting(*runs)
    figures = [
        sparsity_figure(both),
        density_figure(both, 0.9),
        agreement_figure(Agreement(0.9, [f"{line.label}, 7" for line in both.lines], np.eye(2), 0.05), both.title),
    ]
    for figure in figures:
        figure.draw_without_rendering()
        assert figure.axes[0].get_window_extent().width > 80
    assert "constrained_layout" not in " ".join(str(warning.message) for warning in recwarn)
