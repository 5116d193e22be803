from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from vpns_hf.reporting import DenseResult, LayerRecord, Passes, Results, ViewAccuracy
from vpns_hf.reporting.plots import (
    accuracy_figure,
    density_figure,
    new_figure,
    prompt_figure,
    save_png,
    training_figure,
)


def lines_by_label(axes) -> dict[str, np.ndarray]:
    return {line.get_label(): line.get_xydata() for line in axes.lines}


def test_accuracy_figure_draws_the_measured_accuracies(results):
    lines = lines_by_label(accuracy_figure(results).axes[0])
    assert sorted(lines) == ["dense model (95.56%)", "with the prompt", "without the prompt"]
    sparsities = [100 * run.sparsity for run in results.runs]
    np.testing.assert_allclose(lines["with the prompt"], [[sparsities[0], 95.83], [sparsities[1], 95.28]])
    np.testing.assert_allclose(lines["without the prompt"][:, 0], sparsities)
    np.testing.assert_allclose(lines["without the prompt"][:, 1], [95.56, 94.17, 80.0])
    np.testing.assert_allclose(lines["dense model (95.56%)"][:, 1], 95.56)


def test_accuracy_figure_says_what_was_pruned_on_what_without_local_folders(results):
    def title(**names: str | None) -> str:
        return accuracy_figure(replace(results, **names)).axes[0].get_title(loc="left")

    assert title(model="/home/me/nets/resnet18", dataset="uoft-cs/cifar10") == "vpns: ./resnet18 on uoft-cs/cifar10"
    assert title(model="net", dataset=None) == "vpns: net"


def test_accuracy_figure_orders_runs_by_sparsity(results):
    backwards = replace(results, runs=results.runs[::-1])
    lines = lines_by_label(accuracy_figure(backwards).axes[0])
    assert (np.diff(lines["without the prompt"][:, 0]) > 0).all()


def test_accuracy_figure_says_what_both_sides_cost(results):
    runs = [
        replace(run, passes=Passes(search=4, tuning=tuning))
        for run, tuning in zip(results.runs, (2, 2, 8), strict=True)
    ]
    figure = accuracy_figure(replace(results, runs=runs, dense=DenseResult(0.9556, passes=6)))
    assert sorted(lines_by_label(figure.axes[0])) == [
        "dense model (95.56%), 6 passes",
        "with the prompt, 6 to 12 passes",
        "without the prompt, 6 to 12 passes",
    ]


def test_accuracy_figure_draws_a_dense_model_for_each_cost(results):
    runs = [replace(run, passes=Passes(rounds=passes)) for run, passes in zip(results.runs, (6, 12, 18), strict=True)]
    references = [DenseResult(0.9, passes=6), DenseResult(0.92, passes=12), DenseResult(0.94, passes=18)]
    figure = accuracy_figure(replace(results, runs=runs, dense_references=references))
    drawn = lines_by_label(figure.axes[0])["dense model, 6 to 18 passes"]
    np.testing.assert_allclose(drawn, [[100 * run.sparsity, a] for run, a in zip(runs, (90, 92, 94), strict=True)])


def test_accuracy_figure_tells_what_counting_leaves_open(results):
    """Of 100 images 90 right: 95% interval 82.56% to 94.48% (Wilson, worked by hand)."""
    run = replace(results.runs[0], accuracy=ViewAccuracy(None, 0.9))
    axes = accuracy_figure(replace(results, runs=[run], dense=DenseResult(), images={"test": 100})).axes[0]
    assert "100 test images; bars: 95%" in axes.get_xlabel()
    [[bar]] = [bars.get_segments() for bars in axes.collections]
    np.testing.assert_allclose(bar[:, 1], [82.56, 94.48], atol=0.01)
    assert not accuracy_figure(results).axes[0].collections


def test_accuracy_figure_has_its_ticks_at_the_sparsities(results):
    axes = accuracy_figure(results).axes[0]
    np.testing.assert_allclose(axes.get_xticks(), [100 * run.sparsity for run in results.runs])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["40", "70", "95.5"]
    of_channels = replace(results.runs[0], sparsity=0.73219, sparsity_requested=0.5)
    [tick] = accuracy_figure(replace(results, runs=[of_channels])).axes[0].get_xticklabels()
    assert tick.get_text() == "73.2", "of the weights, as below the axis"


def test_accuracy_figure_without_a_dense_accuracy_has_no_dashed_line(results):
    assert len(accuracy_figure(replace(results, dense=DenseResult())).axes[0].lines) == 2


def test_training_figure_draws_every_epoch_of_every_run(results):
    axes = training_figure(results).axes
    assert len(axes) == 2 * len(results.runs)
    loss, accuracy = lines_by_label(axes[0]), lines_by_label(axes[1])
    np.testing.assert_array_equal(loss["with the prompt"], [[1, 2.0], [2, 1.0], [3, 2.0], [4, 1.0]])
    np.testing.assert_array_equal(loss["without the prompt"], [[1, 1.0], [2, 0.5], [3, 1.0], [4, 0.5]])
    np.testing.assert_allclose(accuracy["with the prompt"], [[2, 50], [3, 90], [4, 80]])
    np.testing.assert_allclose(accuracy["without the prompt"], [[2, 40], [3, 70], [4, 60]])


def test_training_figure_marks_the_saved_epoch_and_the_stages(results):
    axes = training_figure(results).axes[1]
    np.testing.assert_allclose(lines_by_label(axes)["saved model"], [[3, 90]])
    assert [text.get_text() for text in axes.texts] == ["find mask", "finetune"]
    borders = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"]
    assert borders == [2.5]


def test_training_figure_of_results_without_history(results):
    runs = [replace(run, history=[]) for run in results.runs]
    axes = training_figure(replace(results, runs=runs)).axes
    assert all(len(each.lines) == 0 for each in axes)


def test_density_figure_has_a_bar_per_layer_and_marks_empty_ones(results):
    axes = density_figure(results.runs[0].layers).axes[0]
    np.testing.assert_allclose([bar.get_width() for bar in axes.patches], [100 * 61 / 108, 0])
    assert [text.get_text() for text in axes.texts] == ["61 of 108", "empty, 0 of 24"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["stem.conv", "head"]
    np.testing.assert_allclose(axes.lines[0].get_xdata(), 100 * 61 / 132)


@pytest.mark.slow
def test_density_figure_grows_with_the_layers():
    heights = [density_figure([LayerRecord("a", (4,), 2)] * number).get_figheight() for number in (21, 60)]
    assert heights[1] - heights[0] == pytest.approx(0.21 * 39)


def test_density_figure_of_one_layer_that_is_empty():
    axes = density_figure([LayerRecord("net.head", (4,), 0)]).axes[0]
    assert axes.get_xlim() == (0, 100)
    assert axes.get_yticklabels()[0].get_text() == "head"


@pytest.mark.parametrize("levels", [1, 15, 100, 255])
def test_prompt_figure_shows_every_change_on_the_same_scale(levels):
    """By the logarithm, so that 1 grey level of 255 is an eighth of full colour and 15 are half of it, in any picture."""
    change = np.zeros((3, 4, 4))
    change[0, 0, 0], change[2, 3, 1] = levels / 255, -levels / 255
    figure = prompt_figure(change)
    strength = np.log2(levels + 1) / 8
    picture = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(picture[0, 0], [0.5 + strength / 2, 0.5, 0.5])
    np.testing.assert_allclose(picture[3, 1], [0.5, 0.5, 0.5 - strength / 2])
    np.testing.assert_allclose(picture[1, 1], 0.5)
    assert figure.axes[0].get_xlabel() == f"red, green, blue\nlargest change {levels} of 255 grey levels"
    mean = figure.axes[1].images[0]
    assert mean.get_clim() == (-1, 1)
    np.testing.assert_allclose(mean.get_array()[0, 0], np.log2(levels / 3 + 1) / 8)


def test_the_bar_of_a_prompt_figure_says_what_its_colours_stand_for():
    bar = prompt_figure(np.full((3, 4, 4), 0.1)).axes[2]
    assert [label.get_text() for label in bar.get_yticklabels()][4:] == ["0", "+4", "+16", "+64", "+255"]
    np.testing.assert_allclose(bar.get_yticks()[4:], np.log2(np.array([0, 4, 16, 64, 255]) + 1) / 8)


def test_prompt_figure_of_a_zero_prompt_is_grey():
    figure = prompt_figure(np.zeros((3, 4, 4)))
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), np.full((4, 4, 3), 0.5))
    assert figure.axes[0].get_xlabel() == "no change anywhere"


def test_prompt_figure_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"\(3, height, width\), got \(4, 4, 3\)"):
        prompt_figure(np.zeros((4, 4, 3)))


def save_all(results: Results, folder) -> dict[str, tuple[int, int]]:
    save_png(accuracy_figure(results), folder / "accuracy.png")
    save_png(training_figure(results), folder / "training.png")
    save_png(density_figure(results.runs[0].layers), folder / "density.png")
    save_png(prompt_figure(np.zeros((3, 4, 4))), folder / "prompt.png")
    return {path.stem: Image.open(path).size for path in folder.iterdir()}


@pytest.mark.slow
def test_plots_are_saved_as_pictures_of_the_expected_size(results, tmp_path):
    expected = {"accuracy": (960, 630), "training": (1350, 1125), "density": (1350, 258), "prompt": (1260, 600)}
    saved = save_all(results, tmp_path / "plots")
    assert saved.keys() == expected.keys()
    for name, size in expected.items():  # versions of matplotlib round the last pixel differently
        assert saved[name] == pytest.approx(size, abs=1), name


@pytest.mark.slow
def test_matplotlib_is_imported_by_the_first_figure_and_pyplot_never():
    code = (
        "import sys, vpns_hf.reporting as reporting, vpns_hf.reporting.plots as plots\n"
        "assert 'matplotlib' not in sys.modules\n"
        "plots.accuracy_figure(reporting.Results(reporting.DenseResult(0.5)))\n"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_letters_that_the_font_lacks_are_no_warning(tmp_path, recwarn):
    figure = new_figure(2, 2)
    figure.suptitle("猫")
    save_png(figure, tmp_path / "cat.png")
    assert (tmp_path / "cat.png").exists()
    assert list(recwarn) == []
