"""What the address keeps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vpns_hf.browse import AXES, COLUMNS, View

EVERYTHING = View(
    tab="compare",
    network=("resnet18",),
    dataset=("cifar100",),
    method=("snip", "vpns"),
    seed=("7",),
    granularity=("weight",),
    within="2",
    axis="bytes",
    sort="bytes",
    model="a/sparsity-50",
    tried=("a/sparsity-90", "snip/sparsity-70"),
    compared=("a/sparsity-50", "b/c/sparsity-50"),
    differing=False,
)


def read(query: str, found) -> View:
    return View.from_query(query, found, AXES, COLUMNS)


def test_an_address_brings_back_every_field(found):
    assert all(getattr(EVERYTHING, name) != value for name, value in vars(View()).items())
    assert read(f"?{EVERYTHING.query()}", found) == EVERYTHING
    assert View.of(EVERYTHING.values()) == EVERYTHING


def test_the_page_as_it_begins_has_a_bare_address(found):
    assert View().query() == ""
    assert read("", found) == read("?", found) == View()


def test_an_address_is_readable():
    assert replace(View(), tab="model", model="a/sparsity-50").query() == "tab=model&model=a/sparsity-50"


@pytest.mark.parametrize(
    "query",
    [
        "tab=nowhere&axis=price&sort=-price&within=three&differing=no&colour=red",
        "method=magic&seed=99&network=<b>&model=gone/sparsity-50&tried=gone&compared=../../etc",
        "%ff%00&=&&",
    ],
)
def test_what_is_not_here_is_passed_over(found, query):
    assert read(query, found) == View()


def test_no_more_models_are_tried_than_fit(found):
    asked = "&".join(f"tried={key}" for key in found.by_key)
    assert read(asked, found).tried == tuple(found.by_key)[:4]


@pytest.mark.parametrize(
    ("view", "count"),
    [
        (View(), 5),
        (View(method=("snip",)), 1),
        (View(method=("snip", "vpns"), seed=("7", "9")), 3),
        (View(granularity=("channel",), seed=("7",)), 0),
        (View(network=("resnet18",)), 5),
        (View(within="0"), 0),  # the best has 0.895, dense 0.9
        (View(within="0.5"), 2),
        (View(within="2"), 2),
        (View(within="5"), 4),
    ],
)
def test_filters(found, view, count):
    assert sum(view.admits(model) for model in found.models) == count


def test_what_an_address_names_and_is_not_here(found):
    query = "?model=a/gone&tried=a/sparsity-50&tried=other&compared=a/gone&method=magic&within=7&tab=try&colour=red"
    assert View.unknown(query, found, AXES, COLUMNS) == ["method magic", "within 7", "a/gone", "other"]
    assert View.unknown(f"?{EVERYTHING.query()}", found, AXES, COLUMNS) == []
    tried = "&".join(f"tried={key}" for key in found.by_key)
    assert View.unknown(tried, found, AXES, COLUMNS) == ["more than 4 models to try"]
