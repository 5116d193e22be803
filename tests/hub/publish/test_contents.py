from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import yaml
from huggingface_hub import ModelCard

from tests.hub.cards.results import EVALUATION, LATENCY
from vpns_hf import InputError
from vpns_hf.hub import Examples, FetchedModel, SavedModel, find_models
from vpns_hf.hub.cards import update_card
from vpns_hf.hub.publish import Additions, plan_repositories, repository_files


@pytest.fixture
def copied(run_dir, tmp_path):
    return shutil.copytree(run_dir, tmp_path / "output")


@pytest.fixture
def model(copied) -> SavedModel:
    """The model of 70% sparsity of a run that may be changed."""
    [model] = find_models(copied, 0.7)
    return model


def test_the_models_of_a_run_and_a_single_one(run_dir):
    assert [model.folder.name for model in find_models(run_dir)] == ["sparsity-40", "sparsity-70"]
    [chosen] = find_models(run_dir, 0.7)
    [alone] = find_models(run_dir / "sparsity-70")
    assert chosen == alone
    assert alone.run.sparsity_requested == 0.7


def test_the_results_of_a_comparison_beside_a_model_are_not_its_own(copied):
    (copied / "results.json").write_text('{"runs": [{"method": "vpns"}], "settings": []}')
    for model in find_models(copied):
        assert model.run_folder == model.folder


def test_a_repository_holds_all_that_belongs_to_the_model_and_nothing_else(copied):
    for foreign in ("notes.txt", "optimizer.pt", ".hidden", "checkpoint/state.pt"):
        path = copied / "sparsity-70" / foreign
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    [repository] = plan_repositories(copied, "vpns/net", 0.7)
    code = {path.name for path in (copied / "sparsity-70").glob("*.py")}
    assert set(repository.files) - code == {
        *("README.md", "config.json", "model.safetensors", "preprocessor_config.json", "recipe.yaml", "results.json"),
        *("plots/density_by_layer.png", "plots/prompt.png", "plots/accuracy_against_sparsity.png"),
    }
    assert {"modeling_vpns.py", "configuration_vpns.py"} <= code


def test_example_pictures_go_along_only_where_that_is_asked_for(copied):
    Examples(np.zeros((2, 3, 4, 4), dtype=np.uint8), ["cat", "dog"]).write(copied)
    (copied / "examples/mine.txt").write_text("mine")
    names = ["examples/1.png", "examples/2.png"]
    for asked, expected in ((False, []), (True, names)):
        [repository] = plan_repositories(copied, "vpns/net", 0.7, Additions(with_examples=asked))
        assert [path for path in repository.files if path.startswith("examples")] == expected


def test_the_results_are_those_of_the_model_and_name_no_folders(run_dir, model):
    text = repository_files(model, "vpns/net")["results.json"].decode()
    [run] = json.loads(text)["runs"]
    assert (run["sparsity_requested"], run["path"]) == (0.7, ".")
    measured = {"accuracy": 0.9, "top5": 0.99, "split": "test"}
    assert json.loads(text)["dense"] == {**measured, "passes": None, "classes": [], "path": None}
    assert str(run_dir) not in text


def test_the_card_bears_the_name_of_the_repository(model):
    files = repository_files(model, "vpns/net")
    card, before = ModelCard(files["README.md"].decode()), ModelCard.load(model.folder / "README.md")
    assert card.data.model_name == "net"
    assert card.text.count('"vpns/net"') == 2
    assert '"sparsity-70"' not in card.text
    assert card.text.replace('"vpns/net"', '"sparsity-70"').replace("# net\n", "# sparsity-70\n") == before.text
    assert yaml.safe_load(card.data.to_yaml()) == yaml.safe_load(
        before.data.to_yaml().replace("name: sparsity-70", "name: net")
    )


def test_a_card_without_markers_is_published_as_it_is(model, caplog):
    path = model.folder / "README.md"
    path.write_text("---\ntags: [mine]\n---\n# Mine\n")
    card = ModelCard(repository_files(model, "vpns/net", Additions(license="mit"))["README.md"].decode())
    assert card.text == "# Mine\n"
    assert (card.data.license, card.data.model_name) == ("mit", "net")
    assert card.data.tags[:2] == ["mine", "vpns"]
    assert f"the text of the card {path} stays as it is" in caplog.text


def test_a_card_that_is_gone_is_made_of_the_results(model):
    before = ModelCard(repository_files(model, "vpns/net")["README.md"].decode())
    (model.folder / "README.md").unlink()
    assert ModelCard(repository_files(model, "vpns/net")["README.md"].decode()).text == before.text


def test_what_was_evaluated_is_published_in_results_and_card(copied, model):
    command = "vpns evaluate output/sparsity-70 --latency --update_card"
    update_card(FetchedModel(model.folder), command, evaluation=EVALUATION, latency=LATENCY)
    [repository] = plan_repositories(copied, "vpns/net", 0.7)
    [evaluation] = json.loads(repository.files["results.json"])["evaluations"]
    assert (evaluation["dataset"], evaluation["accuracy"]) == ("org/digits", {"prompted": 0.91, "plain": 0.92})
    card = repository.files["README.md"].decode()
    assert card.count("## Evaluation on the test split of `org/digits`\n") == 1
    assert card.count("## Latency in several libraries\n") == 1
    assert card.count('"vpns/net"') == 2


@pytest.fixture
def seeds(run_dir, tmp_path):
    """The run again with seeds 9 and 17: 92.17 and 96.17% with the prompt at 70%, two points less and more."""
    folders = []
    for seed, more in ((9, -0.02), (17, 0.02)):
        folder = shutil.copytree(run_dir, tmp_path / f"seed-{seed}")
        results = json.loads((folder / "results.json").read_text())
        for run in results["runs"]:
            run["seed"] = seed
            run["accuracy"]["prompted"] += more
        (folder / "results.json").write_text(json.dumps(results))
        folders.append(folder)
    return folders


def test_other_seeds_give_mean_and_spread(model, seeds):
    files = repository_files(model, "vpns/net", Additions(seed_dirs=seeds))
    text = files["README.md"].decode()
    assert "| Top-1 with the prompt over seeds, mean ± standard deviation | | 94.17% ± 2.00%, 3 seeds |\n" in text
    assert "| Top-1, with the prompt | | 94.17% |\n" in text
    runs = json.loads(files["results.json"])["runs"]
    assert [(run["seed"], run["path"]) for run in runs] == [(7, "."), (9, ""), (17, "")]
    alone = repository_files(model, "vpns/net")["README.md"].decode()
    assert "over seeds, mean ± standard deviation | | not measured |\n" in alone


def test_what_is_no_other_seed(run_dir, model, seeds):
    refused = {
        "has seed 7, as another run has": [run_dir],
        "has seed 9, as another run has": [seeds[0], seeds[0]],
        "holds no model of sparsity 0.7": [seeds[0] / "sparsity-40"],
    }
    for words, folders in refused.items():
        with pytest.raises(InputError, match=words):
            repository_files(model, "vpns/net", Additions(seed_dirs=folders))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("visual_prompt: pad", "visual_prompt: none", "visual_prompt pad, there none"),
        ("finetune_epochs: 30", "finetune_epochs: 3", "finetune_epochs 30, there 3"),
        ("weight_decay: 0.0001\n", "", "weight_decay 0.0001, there not given"),
    ],
)
def test_only_the_seed_may_differ(model, seeds, old, new, told):
    """The mean over a prompted job and one without would be a figure of neither."""
    recipe = seeds[1] / "sparsity-70" / "recipe.yaml"
    assert old in recipe.read_text()
    recipe.write_text(recipe.read_text().replace(old, new))
    with pytest.raises(InputError, match=rf"seed-17 differs from .*sparsity-70 in more than the seed: {told}; give"):
        repository_files(model, "vpns/net", Additions(seed_dirs=seeds))


@pytest.mark.parametrize(("name", "value"), [("dataset", "org/letters"), ("images", {"test": 5})])
def test_nor_may_what_it_was_measured_on(model, seeds, name, value):
    path = seeds[0] / "results.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    with pytest.raises(InputError, match="in more than the seed"):
        repository_files(model, "vpns/net", Additions(seed_dirs=seeds))


def test_the_licence_is_the_one_that_is_given(model):
    given = ModelCard(repository_files(model, "vpns/net", Additions(license="mit"))["README.md"].decode())
    assert given.data.license == "mit"
    assert ModelCard(repository_files(model, "vpns/net")["README.md"].decode()).data.license == "unknown"


@pytest.mark.parametrize(
    ("missing", "what"),
    [
        ("model.safetensors", "no weights"),
        ("preprocessor_config.json", "no image processor"),
        ("modeling_vpns.py", "no modeling file"),
        ("config.json", "no model of sparsity 0.7; there are: sparsity-40"),
    ],
)
def test_a_file_that_is_missing_is_named(copied, missing, what):
    (copied / "sparsity-70" / missing).unlink()
    with pytest.raises(InputError, match=what):
        plan_repositories(copied, "vpns/net", 0.7)


def test_folders_without_a_model(tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        find_models(tmp_path / "nothing")
    with pytest.raises(InputError, match="holds no pruned model"):
        find_models(tmp_path)


def test_several_models_need_several_names(run_dir):
    with pytest.raises(InputError, match="choose one with --sparsity, or give an id such as vpns/"):
        plan_repositories(run_dir, "vpns/net")


def test_a_model_elsewhere_takes_its_results_along(model, tmp_path):
    alone = shutil.copytree(model.folder, tmp_path / "elsewhere" / "mine")
    [repository] = plan_repositories(alone, "vpns/{arch}-{sparsity}")
    assert repository.repo_id == "vpns/resnet18-70"
    assert repository.files["results.json"] == repository_files(model, "vpns/resnet18-70")["results.json"]


def test_a_model_without_results_is_published_under_a_name_written_out(copied, tmp_path, caplog):
    alone = shutil.copytree(copied / "sparsity-40", tmp_path / "elsewhere" / "mine")
    (alone / "results.json").unlink()
    [repository] = plan_repositories(alone, "vpns/net")
    assert "results.json" not in repository.files
    assert ModelCard(repository.files["README.md"].decode()).text == ModelCard.load(alone / "README.md").text
    assert "stays as it is: no results.json tells of its model" in caplog.text
    with pytest.raises(InputError, match=r"nothing says what \{sparsity\} is"):
        plan_repositories(alone, "vpns/net-{sparsity}")
    (alone / "README.md").unlink()
    with pytest.raises(InputError, match="no card"):
        plan_repositories(alone, "vpns/net")


def test_the_configuration_names_a_local_backbone_without_its_folders(model):
    path = model.folder / "config.json"
    assert repository_files(model, "vpns/net")["config.json"] == path
    config = json.loads(path.read_text())
    config["backbone_config"]["_name_or_path"] = "/home/ada/secret/resnet"
    path.write_text(json.dumps(config))
    published = json.loads(repository_files(model, "vpns/net")["config.json"])
    assert published["backbone_config"].pop("_name_or_path") == "./resnet"
    del config["backbone_config"]["_name_or_path"]
    assert published == config


@pytest.mark.parametrize(
    "name",
    [
        *("LICENSE", "README.md", "config.json", "recipe.yaml", "notes.py"),
        *("plots/prompt.png", "../plots/training_curves.png"),
    ],
)
def test_a_link_to_a_file_elsewhere_is_not_published(copied, tmp_path, name):
    path = copied / "sparsity-70" / name
    elsewhere = tmp_path / "private"
    elsewhere.write_bytes(path.read_bytes() if path.exists() else b"secret")
    path.unlink(missing_ok=True)
    path.symlink_to(elsewhere)
    with pytest.raises(InputError, match="is a link to a file elsewhere; put the file itself there to publish it"):
        plan_repositories(copied, "vpns/net", 0.7)


def test_links_within_the_folder_and_to_it_are_followed(copied, tmp_path):
    folder = copied / "sparsity-70"
    folder.rename(tmp_path / "archive")
    folder.symlink_to(tmp_path / "archive")
    (folder / "LICENSE").symlink_to("README.md")
    [repository] = plan_repositories(copied, "vpns/net", 0.7)
    assert "LICENSE" in repository.files
