from __future__ import annotations

import pytest
import torch

from vpns_hf.label_mapping import LABEL_MAPPINGS, LabelMapping, RandomMapping, TrainedMapping

FIFTY = [str(index) for index in range(50)]
SOURCE, TARGET = ["a", "b", "c", "d", "e"], ["d", "a", "b"]
COUNTS = torch.tensor([[0, 5, 0], [5, 0, 0], [0, 0, 2], [0, 0, 9], [0, 0, 0]])


def refuse() -> torch.Tensor:
    raise AssertionError("this mapping needs no pass over the images")


def test_the_published_mappings_are_there():
    assert {"auto", "name", "frequency", "iterative", "random", "identity"} <= set(LABEL_MAPPINGS)
    assert all(issubclass(mapping, LabelMapping) for mapping in LABEL_MAPPINGS.values())


@pytest.mark.parametrize("name", LABEL_MAPPINGS)
def test_every_mapping_is_one_to_one_and_repeatable(name):
    fitted = LABEL_MAPPINGS[name](seed=3).fit(lambda: COUNTS, SOURCE, TARGET)
    assert fitted.shape == (3,)
    assert fitted.dtype == torch.int64
    assert len(set(fitted.tolist())) == 3
    assert 0 <= fitted.min() <= fitted.max() < 5
    torch.manual_seed(99)
    assert torch.equal(fitted, LABEL_MAPPINGS[name](seed=3).fit(lambda: COUNTS, SOURCE, TARGET))


def test_only_the_iterative_mapping_repeats():
    assert [name for name, mapping in LABEL_MAPPINGS.items() if mapping.repeats] == ["iterative"]


def test_iterative_fits_by_frequency_every_time():
    mapping = LABEL_MAPPINGS["iterative"](seed=0)
    assert mapping.fit(lambda: COUNTS, SOURCE, TARGET).tolist() == [1, 0, 3]
    assert mapping.fit(lambda: COUNTS.flip(0), SOURCE, TARGET).tolist() == [3, 4, 1]


def test_identity_takes_the_first_classes():
    assert LABEL_MAPPINGS["identity"](seed=0).fit(refuse, SOURCE, TARGET).tolist() == [0, 1, 2]


def test_random_is_the_start_of_a_seeded_permutation():
    fits = [LABEL_MAPPINGS["random"](seed).fit(refuse, FIFTY, FIFTY).tolist() for seed in range(4)]
    assert all(sorted(fitted) == list(range(50)) for fitted in fits)
    assert len({tuple(fitted) for fitted in fits}) == 4
    assert LABEL_MAPPINGS["random"](2).fit(refuse, FIFTY, FIFTY[:7]).tolist() == fits[2][:7]


@pytest.mark.parametrize("mapping", [TrainedMapping, RandomMapping])
def test_what_pre_training_goes_by_stays(mapping):
    for source in (SOURCE, TARGET[::-1]):
        assert torch.equal(mapping(3).start(source, TARGET), mapping(3).fit(refuse, source, TARGET))
    assert TrainedMapping(3).start(SOURCE, TARGET).tolist() == [0, 1, 2]
    assert TrainedMapping(3).start(TARGET[::-1], TARGET).tolist() == [2, 1, 0]


def test_random_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    LABEL_MAPPINGS["random"](seed=1).fit(refuse, FIFTY[:9], TARGET)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("name", ["frequency", "iterative", "random", "identity"])
def test_more_targets_than_sources_is_refused(name):
    with pytest.raises(ValueError, match="3 target classes"):
        LABEL_MAPPINGS[name](seed=0).fit(lambda: torch.ones(2, 3, dtype=torch.int64), SOURCE[:2], ["x", "y", "z"])
