"""The chart and the table of the overview."""

from __future__ import annotations

import re

import pytest

from tests.browse.made_up import found_in, made_up_run
from vpns_hf.browse import AXES, COLUMNS, View, chosen_models, next_order, overview_of, short_names


def keys(found, **fields: object) -> list[str]:
    return [model.key for model in chosen_models(found, View(**fields))]


def test_the_most_accurate_comes_first_unless_told_otherwise(found):
    assert [model.accuracy for model in chosen_models(found, View())] == pytest.approx(
        [0.895, 0.895, 0.875, 0.875, 0.7]
    )
    assert keys(found, sort="bytes")[0] in ("a/sparsity-90", "b/c/sparsity-90")
    assert keys(found, sort="-bytes")[-1] in ("a/sparsity-90", "b/c/sparsity-90")
    assert keys(found, sort="model") == sorted(found.by_key)


def test_what_was_not_measured_comes_last_in_both_orders(tmp_path):
    found = found_in(
        tmp_path, {"a": [made_up_run(0.5, 0.8)], "b": [made_up_run(0.5, None)], "c": [made_up_run(0.5, 0.7)]}
    )
    for sort, order in (("accuracy", "cab"), ("-accuracy", "acb")):
        assert [key[0] for key in keys(found, sort=sort)] == list(order)
    assert overview_of(found, View()).count("not measured") > 0


def test_a_click_on_a_head_sorts_and_a_second_one_turns_round():
    assert next_order(View(), "accuracy") == "accuracy"
    assert next_order(View(), "bytes") == "bytes"
    assert next_order(View(sort="bytes"), "bytes") == "-bytes"
    assert next_order(View(sort="-bytes"), "bytes") == "bytes"
    assert next_order(View(), "sparsity") == "-sparsity"


@pytest.mark.parametrize("axis", AXES)
def test_every_model_stands_in_chart_and_table(found, axis):
    html = overview_of(found, View(axis=axis))
    for key in found.by_key:
        assert html.count(f'data-model="{key}"') == 2
        assert f'title="{key}">{key}</a>' in html  # which may be cut off
    assert AXES[axis].title in html
    assert "5 of 5 models" in html


def test_places_in_the_chart(tmp_path):
    found = found_in(
        tmp_path, {"a": [made_up_run(0.0, 1.0), made_up_run(0.5, 0.5), made_up_run(1.0, 0.0)]}, dense=None
    )
    # 5% of room on both sides: 0 stands at 0.05 / 1.1, 0.5 in the middle.
    places = re.findall(r'left:([\d.]+)%;bottom:([\d.]+)%" data-model="([^"]+)"', overview_of(found, View()))
    assert places == [
        ("4.55", "95.45", "a/sparsity-0"), ("50.00", "50.00", "a/sparsity-50"), ("95.45", "4.55", "a/sparsity-100"),
    ]  # fmt: skip


def test_sparsities_have_ticks_where_they_are(tmp_path):
    found = found_in(tmp_path, {"a": [made_up_run(0.7, 0.5)], "b": [made_up_run(0.7, 0.6)]})
    assert re.findall(r'class="vp-gx" [^>]*><span>([^<]*)<', overview_of(found, View())) == ["70%"]


def test_the_dense_models_are_shaded_from_the_least_accurate_to_the_best(tmp_path):
    found = found_in(tmp_path, {"a": [made_up_run(0.0, 1.0), made_up_run(0.5, 0.0)]}, dense=0.5)
    assert 'class="vp-band" style="bottom:50.00%;height:0.00%"' in overview_of(found, View())


def test_colours_do_not_change_with_the_filters(found):
    both, alone = (overview_of(found, View(method=chosen)) for chosen in ((), ("vpns",)))
    mark = re.compile(r'class="vp-dot (\S+ \S+) \S+" style="[^"]*" data-model="a/sparsity-50"')
    assert mark.search(both)[1] == mark.search(alone)[1]
    assert '<i class="vp-key vp-c1 vp-s0"></i>snip' in both
    assert "</i>snip" not in alone


def test_no_model_passes(found):
    assert overview_of(found, View(seed=("9",), method=("vpns",))).startswith(
        '<p class="vp-note" role="status">0 of 5 models: '
    )


def test_an_axis_that_was_not_recorded(tmp_path):
    found = found_in(tmp_path, {"a": [made_up_run(0.5, 0.8)]})
    (tmp_path / "a/sparsity-50/model.safetensors").unlink()
    from vpns_hf.browse import models_below

    assert "Size of the weights: not recorded of these models." in overview_of(
        models_below(tmp_path), View(axis="bytes")
    )
    assert found.models[0].size == 2000


def test_one_model_alone_has_a_chart(tmp_path):
    found = found_in(tmp_path, {"a": [made_up_run(0.5, 0.8)]}, dense=None)
    assert 'left:50.00%;bottom:50.00%" data-model="a/sparsity-50"' in overview_of(found, View())


def test_a_name_is_never_html(tmp_path):
    found = found_in(tmp_path, {"<img src=x>": [made_up_run(0.5, 0.8, method='"><script>')]})
    html = overview_of(found, View())
    assert "<img" not in html
    assert "<script" not in html


def test_every_column_can_be_sorted_by(found):
    for name in COLUMNS:
        assert len(keys(found, sort=name)) == len(keys(found, sort=f"-{name}")) == 5


DIGESTS = "0123456789ab", "ba9876543210"


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ([f"study/cells/omp-90-{one}/sparsity-90" for one in DIGESTS], [f"omp-90-{one}" for one in DIGESTS]),
        ([f"s/cells/{m}-90-{one}/sparsity-90" for m, one in zip("ab", DIGESTS, strict=True)], ["a-90", "b-90"]),
        (["digits/sparsity-40", "digits/sparsity-70"], ["sparsity-40", "sparsity-70"]),
        (["a/sparsity-40", "b/sparsity-40"], ["a", "b"]),
        (["a/sparsity-40", "a/sparsity-70", "b/c/sparsity-40"], ["a/sparsity-40", "a/sparsity-70", "b/c/sparsity-40"]),
        (["owner/resnet18-c100-70"], ["resnet18-c100-70"]),
        ([], []),
    ],
)
def test_names_in_the_table_tell_models_apart_and_no_more(keys, names):
    assert short_names(keys) == names


def test_no_tick_stands_above_what_can_be_reached(tmp_path):
    found = found_in(tmp_path, {"a": [made_up_run(0.5, 1.0)]}, dense=1.0)
    ticks = re.findall(r'class="vp-gy"[^>]*><span>([\d.]+)%', overview_of(found, View()))
    assert ticks[-1] == "100"
    assert max(map(float, ticks)) == 100


def test_models_that_a_filter_cannot_compare_are_counted(tmp_path):
    found_in(tmp_path, {"a": [made_up_run(0.5, 0.9)]})
    found = found_in(tmp_path, {"b": [made_up_run(0.5, 0.9, seed=8), made_up_run(0.9, 0.9, seed=8)]}, dense=None)
    assert "1 of 3 models; of 2 no dense model was measured<" in overview_of(found, View(within="1"))
    assert "0 of 3 models; of 2 no dense model was measured:" in overview_of(found, View(within="1", seed=("8",)))
    assert "no dense model was measured" not in overview_of(found, View())
