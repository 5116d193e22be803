from __future__ import annotations

import shutil

import pytest
from huggingface_hub import EvalResult, ModelCardData

from tests.hub.conftest import STRANGER, WRITER
from vpns_hf import InputError
from vpns_hf.hub import PublishedModel, Wanted, models_in_folder, models_table

pytestmark = pytest.mark.slow  # a server

COMMAND = "vpns_hf/__main__.py"


@pytest.fixture(scope="module")
def published(hub, client, run_dir):
    """Two public models and a private one."""
    push = ["scripts/push_to_hub.py", run_dir, "--hub_model_id"]
    assert client.script(*push, "listing/{arch}-{dataset}-{sparsity}", "--public", token=WRITER).code == 0
    assert client.script(*push, "listing/hidden", "--sparsity", 0.7, token=WRITER).code == 0
    return hub


def rows(text: str) -> list[list[str]]:
    """The cells below the heading."""
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in text.splitlines()[2:]]


@pytest.mark.slow
def test_the_table_of_what_is_on_the_hub(published, client, run_dir):
    ended = client.script(COMMAND, "list", "--author", "listing")
    assert (ended.code, ended.err) == (0, "")
    sizes = [f"{(run_dir / f'sparsity-{name}/model.safetensors').stat().st_size / 1e6:.2f}" for name in (40, 70)]
    assert rows(ended.out) == [
        ["listing/resnet18-cifar100-40", "40%", "95.28%", sizes[0]],
        ["listing/resnet18-cifar100-70", "70%", "94.17%", sizes[1]],
    ]


def test_private_models_are_listed_for_their_owner_on_several_pages(published, client):
    for token, count in ((None, 2), (STRANGER, 2), (WRITER, 3)):
        assert len(rows(client.script(COMMAND, "list", "--author", "listing", token=token).out)) == count
    assert published.page_size == 2


@pytest.mark.parametrize(
    ("argv", "found"),
    [
        (["--arch", "resnet18", "--dataset", "cifar100", "--min_accuracy", "0.95"], ["listing/resnet18-cifar100-40"]),
        (["--arch", "resnet50"], []),
        (["--dataset", "cifar10"], []),
        (["--min_accuracy", "0.99"], []),
    ],
)
def test_the_choice(published, client, argv, found):
    ended = client.script(COMMAND, "list", "--author", "listing", *argv)
    assert ended.code == 0
    assert [row[0] for row in rows(ended.out)] == found
    assert found or ended.out == "No model of this kind.\n"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["list", "--min_accuracy", "80"], "min_accuracy is 80; give a fraction from 0 to 1, such as 0.8"),
        (["list", "--local", "nowhere"], "there is no folder nowhere"),
    ],
)
def test_wrong_arguments_end_in_one_line(client, argv, words):
    assert words in client.script(COMMAND, *argv).refusal("vpns list")


def test_a_local_folder_is_read_without_the_hub(hub, client, run_dir):
    before = len(hub.log)
    ended = client.script(COMMAND, "list", "--local", run_dir.parent, "--arch", "resnet-18")
    assert [row[:3] for row in rows(ended.out)] == [
        ["output/sparsity-40", "40%", "95.28%"],
        ["output/sparsity-70", "70%", "94.17%"],
    ]
    assert len(hub.log) == before


def test_a_local_card_that_says_nothing(run_dir, tmp_path):
    folder = shutil.copytree(run_dir / "sparsity-40", tmp_path / "mine")
    (folder / "README.md").write_text("---\ntags: [x\n---\n")
    (folder / "model.safetensors").unlink()
    assert models_in_folder(tmp_path) == [PublishedModel("mine")]
    assert rows(models_table(models_in_folder(tmp_path))) == [["mine", "unknown", "not measured", "not measured"]]


def test_a_card_of_several_results():
    def result(metric: str, value: float) -> EvalResult:
        return EvalResult("image-classification", "org/pictures", "Pictures", metric, value)

    card = ModelCardData(tags=["vpns", "sparsity-95.5"], base_model=["a/b"], datasets="org/pictures")
    read = PublishedModel.from_card(
        "x", card, [result("top5", 0.99), result("accuracy", 0.8), result("accuracy", 0.7)], 5
    )
    accuracies = {"Pictures": 0.8, "org/pictures": 0.8}
    assert read == PublishedModel("x", "a/b", ("org/pictures", "Pictures"), 0.955, 0.8, 5, accuracies)


@pytest.mark.parametrize(
    ("arch", "base_model", "is_admitted"),
    [
        ("resnet18", "microsoft/resnet-18", True),
        ("resnet-18", "timm/resnet18.tv_in1k", True),
        ("ResNet", "timm/resnet18.tv_in1k", True),
        ("resnet1", "timm/resnet18.tv_in1k", False),
        ("vit", "me/invite", False),
        ("vit", None, False),
    ],
)
def test_which_networks_a_name_means(arch, base_model, is_admitted):
    assert Wanted(arch=arch).admits(PublishedModel("me/model", base_model)) == is_admitted


@pytest.mark.parametrize(
    ("dataset", "name", "is_admitted"),
    [
        ("cifar100", "uoft-cs/cifar100", True),
        ("cifar10", "uoft-cs/cifar100", False),
        ("oxford_pets", "timm/oxford-iiit-pet", True),
        ("uoft-cs/cifar100", "cifar100", False),
        ("pictures", "my-pictures", True),
    ],
)
def test_which_data_sets_a_name_means(dataset, name, is_admitted):
    assert Wanted(dataset=dataset).admits(PublishedModel("me/model", datasets=(name,))) == is_admitted


def test_what_counts_is_the_accuracy_on_the_data_set_that_is_wanted():
    model = PublishedModel("x", datasets=("digits", "svhn"), accuracy=0.85, accuracies={"digits": 0.85, "svhn": 0.2})
    assert Wanted(dataset="digits", min_accuracy=0.8).admits(model)
    assert not Wanted(dataset="svhn", min_accuracy=0.8).admits(model)
    assert [Wanted(dataset=name).seen(model).accuracy for name in (None, "svhn", "digits")] == [0.85, 0.2, 0.85]


def test_what_was_not_measured_is_not_accurate_enough():
    assert Wanted().admits(PublishedModel("x"))
    assert not Wanted(min_accuracy=0).admits(PublishedModel("x"))
    with pytest.raises(InputError, match="give a fraction"):
        Wanted(min_accuracy=float("nan"))
