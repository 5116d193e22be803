from __future__ import annotations

import pytest

from vpns_hf.utils.public_names import hub_id, public_command, public_name


@pytest.mark.parametrize(
    "name, expected",
    [
        ("microsoft/resnet-18", "microsoft/resnet-18"),
        ("timm/resnet18.tv_in1k", "timm/resnet18.tv_in1k"),
        ("cifar10", None),
        ("./resnet", None),
        ("../resnet", None),
        ("~/resnet", None),
        ("/resnet", None),
        ("a/b/c", None),
        ("a b/c", None),
        (None, None),
    ],
)
def test_which_names_are_hub_ids(name, expected):
    assert hub_id(name) == expected


@pytest.mark.parametrize(
    "name, expected",
    [
        ("org/name", "org/name"),
        ("/home/me/models/resnet/", "./resnet"),
        ("../data/cifar10", "./cifar10"),
        ("./cifar10", "./cifar10"),
        ("digits", "digits"),
    ],
)
def test_a_public_name_has_no_leading_folders(name, expected):
    assert public_name(name) == expected


@pytest.mark.parametrize(
    "command, expected",
    [
        ("accelerate launch scripts/prune.py", "accelerate launch scripts/prune.py"),
        ("/opt/venv/bin/python a.py", "python a.py"),
        ("a.py --output_dir=/home/me/out/", "a.py --output_dir=./out"),
        ("a.py --data ../../shared/cifar10 --cache ~/cache", "a.py --data ./cifar10 --cache ./cache"),
        ("a.py --model org/name --lr 1e-4", "a.py --model org/name --lr 1e-4"),
        ("a.py --note 'two words'", "a.py --note 'two words'"),
        ("python /home/me/vpns_hf/scripts/prune.py --seed 7", "python scripts/prune.py --seed 7"),
        ("python /home/me/work/prune.py", "python ./prune.py"),
        ("python a.py --init_mask=/home/me/scripts/mask.py", "python a.py --init_mask=./mask.py"),
    ],
)
def test_a_public_command_has_no_outside_folders(command, expected):
    assert public_command(command) == expected
