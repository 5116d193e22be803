from __future__ import annotations

import pytest

from tests.helpers import refusal
from vpns_hf import InputError
from vpns_hf.hub import architecture_name, check_repo_id, dataset_name, field_values, fill_pattern

VALUES = field_values("microsoft/resnet-18", "uoft-cs/cifar100", 0.955, "vpns", "2:4", 7)


@pytest.mark.parametrize(
    "repo_id", ["name", "a/b/c", "owner/na me", "/name", "owner/", "", "owner/a--b", "owner/x.git"]
)
def test_an_invalid_id_is_refused_in_one_line(repo_id):
    assert "is no repository id; give owner/name" in refusal(check_repo_id, repo_id)


@pytest.mark.parametrize(
    ("pattern", "repo_id"),
    [
        ("vpns/{arch}-{dataset}-{sparsity}", "vpns/resnet18-cifar100-95.5"),
        ("me/{method}_{granularity}.{seed}", "me/vpns_2of4.7"),
        ("me/plain", "me/plain"),
    ],
)
def test_names_in_braces_are_filled_in(pattern, repo_id):
    assert fill_pattern(pattern, VALUES) == repo_id


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("vpns/{network}", "'network' in braces; allowed: {arch}"),
        ("vpns/{0}", "'0' in braces"),
        ("vpns/{", "in braces"),
        ("{arch}", "is no repository id"),
    ],
)
def test_a_pattern_that_cannot_be_filled_in(pattern, words):
    with pytest.raises(InputError, match=words):
        fill_pattern(pattern, VALUES)


def test_a_name_that_nothing_tells():
    with pytest.raises(InputError, match=r"nothing says what \{dataset\} is"):
        fill_pattern("vpns/{arch}-{dataset}", field_values("resnet18", None, 0.7, "vpns", "weight", 7))


@pytest.mark.parametrize(
    ("model", "short"),
    [
        ("resnet18", "resnet18"),
        ("microsoft/resnet-18", "resnet18"),
        ("timm/resnet18.tv_in1k", "resnet18"),
        ("timm/vgg16_bn.tv_in1k", "vgg16_bn"),
        ("resnet-small", "resnet-small"),
        ("/home/me/My ResNet", "my-resnet"),
        ("facebook/convnext-tiny-224", "convnext-tiny-224"),
    ],
)
def test_short_names_of_networks(model, short):
    assert architecture_name(model) == short


@pytest.mark.parametrize(
    ("dataset", "short"),
    [
        ("cifar100", "cifar100"),
        ("uoft-cs/cifar100", "cifar100"),
        ("timm/oxford-iiit-pet", "oxford_pets"),
        ("/home/me/My Pictures", "my-pictures"),
    ],
)
def test_short_names_of_data_sets(dataset, short):
    assert dataset_name(dataset) == short
