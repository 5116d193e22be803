"""Classes are read by their names where backbone and data have the same."""

from __future__ import annotations

import logging

import pytest
import torch

from vpns_hf.errors import InputError
from vpns_hf.label_mapping import LABEL_MAPPINGS, AutoMapping, FrequencyMapping, NameMapping, are_unnamed

NUMBERS = [str(index) for index in range(12)]  # folders sort as 0, 1, 10, 11, 2, ...
COUNTS = torch.tensor([[0, 5, 0], [5, 0, 0], [0, 0, 2], [0, 0, 9]])


def refuse() -> torch.Tensor:
    raise AssertionError("names need no pass over the images")


@pytest.mark.parametrize("name", ["auto", "name"])
def test_classes_of_the_same_names_are_read_by_name_in_any_order(name):
    mapping, target = LABEL_MAPPINGS[name](0), sorted(NUMBERS)
    for fitted in (mapping.fit(refuse, NUMBERS, target), mapping.start(NUMBERS, target)):
        assert [NUMBERS[source] for source in fitted.tolist()] == target
        assert fitted.dtype == torch.int64
    assert isinstance(mapping.chosen(NUMBERS, target), NameMapping)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (["ant", "bee", "cat", "dog"], ["x", "y", "z"]),
        (["ant", "bee", "cat", "dog"], ["dog", "ant", "cat"]),  # of one's own classes some are left out
        (["crane", "crane", "cat", "dog"], ["dog", "crane", "cat"]),
        (["LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3"], ["ant", "bee", "cat"]),
    ],
)
def test_other_names_are_mapped_by_frequency(source, target):
    mapping = AutoMapping(0)
    assert mapping.fit(lambda: COUNTS, source, target).tolist() == [1, 0, 3]
    assert mapping.start(source, target).tolist() == [0, 1, 2]
    assert isinstance(mapping.chosen(source, target), FrequencyMapping)


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        (["ant", "bee", "cat"], ["cat", "dog"], "1 of the 2 classes"),
        (["ant", "bee", "cat"], ["cat", "ant"], "--label_mapping name"),
        (["ant", "ant", "cat"], ["cat", "ant"], "fitted by frequency"),
        (["LABEL_0", "LABEL_1"], ["cat", "ant"], "give --label_mapping identity"),
    ],
)
def test_what_names_leave_open_is_warned_of(source, target, said, caplog):
    with caplog.at_level(logging.WARNING):
        AutoMapping(0).check(source, target)
    assert said in caplog.messages[0]
    assert "\n" not in caplog.messages[0]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (["ant", "bee"], ["bee", "ant"]),
        (["ant", "bee"], ["cat", "dog"]),
        (["LABEL_0", "LABEL_1", "LABEL_2"], ["LABEL_0", "LABEL_1"]),
    ],
)
def test_nothing_is_said_of_equal_other_or_no_names(source, target, caplog):
    with caplog.at_level(logging.WARNING):
        AutoMapping(0).check(source, target)
    assert not caplog.messages


def test_some_of_the_classes_can_be_asked_for_by_name():
    assert NameMapping(0).fit(refuse, ["ant", "bee", "cat"], ["cat", "ant"]).tolist() == [2, 0]


@pytest.mark.parametrize("source", [["ant", "bee", "cow"], ["ant", "bee", "cat", "cat"]])
def test_a_class_without_one_namesake_is_named(source):
    with pytest.raises(InputError, match="1 of 2 classes, such as 'cat'"):
        NameMapping(0).fit(refuse, source, ["cat", "ant"])


def test_identity_is_refused_where_names_say_otherwise():
    identity = LABEL_MAPPINGS["identity"](0)
    with pytest.raises(InputError, match=r"'10' would be read from the '2'.*--label_mapping auto"):
        identity.check(NUMBERS, sorted(NUMBERS))
    for source in (NUMBERS, [f"LABEL_{name}" for name in NUMBERS], [*NUMBERS[:6], *NUMBERS[:6]]):
        identity.check(source, NUMBERS[:6])


def test_only_the_names_of_transformers_are_none():
    assert are_unnamed(["LABEL_0", "LABEL_1"])
    assert not are_unnamed(["0", "1"])
    assert not are_unnamed(["LABEL_1", "LABEL_0"])


def test_names_that_differ_in_case_alone_are_the_same():
    source, target = ["Dog", "Cat", "Bear"], ["bear", "cat", "dog"]
    assert AutoMapping(0).fit(refuse, source, target).tolist() == [2, 1, 0]
    with pytest.raises(InputError, match="the class 'bear' would be read from the 'Dog'"):
        LABEL_MAPPINGS["identity"](0).check(source, target)
    both = ["Polish", "polish", "cat"]  # which are two classes
    assert AutoMapping(0).fit(refuse, both, ["polish", "cat", "Polish"]).tolist() == [1, 2, 0]
