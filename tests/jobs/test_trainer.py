from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoConfig

from tests.helpers import CLASSES, contents, forget_accelerator, refusal, tiny_resnet
from tests.training_helpers import ScaledChannels, coloured_split, tiny_arguments, tiny_trainer, with_unreadable_row
from vpns_hf import Callback, InputError, VPNsForImageClassification, VPNsTrainer
from vpns_hf.hub import example_files, example_rows, label_of
from vpns_hf.jobs import data as images
from vpns_hf.jobs import trainer as trainer_module
from vpns_hf.reporting import Results, ViewAccuracy
from vpns_hf.training import Evaluation, loop

pytestmark = pytest.mark.slow  # whole jobs

TOTAL = 4644  # weights of the tiny ResNet of tests/helpers.py
WEIGHTS = "model.safetensors"
# What architecture.md promises of every entry of "runs".
RUN_FIELDS = {
    **dict.fromkeys(("method", "granularity", "split", "path"), str),
    **dict.fromkeys(("seed", "nonzero", "total"), int),
    **dict.fromkeys(("sparsity_requested", "sparsity"), float),
    **dict.fromkeys(("accuracy", "top5", "seconds"), dict),
}


@dataclass
class Journal(Callback):
    """What happened, in order: the stages that ended, and each pass over the test images."""

    entries: list[str] = field(default_factory=list)

    def on_stage_end(self, run, stage) -> None:
        self.entries.append(f"{stage.name} {run.model.sparsity:.2g}")


class Job:
    """A finished job over two sparsities and what it left behind."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal()
        self.backbone = tiny_resnet().train()
        self.before = {key: value.clone() for key, value in self.backbone.state_dict().items()}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(trainer_module, "eval_batches", self._watched_test_batches)
            self.trainer = VPNsTrainer(
                model=self.backbone,
                args=tiny_arguments(folder, sparsities=[0.37, 0.8], dense_reference=True, finetune_epochs=2),
                train_dataset=coloured_split(40, seed=1),
                eval_dataset=coloured_split(13, seed=2),
                test_dataset=coloured_split(17, seed=3),
                callbacks=[self.journal],
                dataset_name="colours",
                command="python train.py",
            )
            self.returned = self.trainer.train()
            self.test_passes = list(self.journal.entries)
            self.measured_again = self.trainer.evaluate()
        self.folder = self.trainer.output_dir
        self.results = json.loads((self.folder / "results.json").read_text())

    def _watched_test_batches(self, cache, args, process):
        assert cache is self.trainer.images.test
        batches = images.eval_batches(cache, args, process)

        class Watched:
            def __iter__(watched):
                self.journal.entries.append("test")
                return iter(batches)

        return Watched()


@pytest.fixture(scope="module")
def job(tmp_path_factory) -> Job:
    return Job(tmp_path_factory.mktemp("job"))


def digest(trainer: VPNsTrainer, sparsity: float) -> str:
    return hashlib.sha256((trainer.models.folder(sparsity) / WEIGHTS).read_bytes()).hexdigest()


def is_fraction(value: float | None) -> bool:
    return isinstance(value, float) and 0 <= value <= 1


def test_the_results_are_those_of_the_file(job):
    assert job.returned == job.results
    assert Results.load(job.folder / "results.json").to_dict() == job.results


def test_the_form_of_the_results(job):
    assert is_fraction(job.results["dense"]["accuracy"])
    assert len(job.results["runs"]) == 2
    for run in job.results["runs"]:
        assert {name: type(run[name]) for name in RUN_FIELDS} == RUN_FIELDS
        assert set(run["accuracy"]) == {"prompted", "plain"}
        assert all(map(is_fraction, run["accuracy"].values()))
        assert run["top5"] == {"prompted": None, "plain": None}  # of three classes
        assert set(run["seconds"]) == {"label_mapping", "find_mask", "measure", "finetune", "evaluation"}
        assert all(seconds > 0 for seconds in run["seconds"].values())
        assert (run["method"], run["granularity"], run["seed"], run["split"]) == ("vpns", "weight", 7, "test")


def test_which_test_images_are_classified_rightly(job):
    with np.load(job.folder / "predictions.npz") as file:
        right = {name: file[name] for name in file}
    labels = right.pop("labels")
    assert labels.tolist() == job.trainer.images.test.labels.tolist()
    dense = f"dense reference, {job.results['dense']['passes']:g} passes/plain"
    assert right.pop(dense).mean() == job.results["dense"]["accuracy"]
    for run in job.results["runs"]:
        for view, accuracy in run["accuracy"].items():
            assert right.pop(f"{run['path']}/{view}").mean() == accuracy
    assert not right


def test_a_few_test_images_are_kept_as_the_models_were_tested_on_them(job):
    files, source = example_files(job.folder), job.trainer.images.test
    rows = example_rows(source.labels.numpy())
    assert len(files) == len(rows) == 8
    names = [job.trainer.splits.class_names[label] for label in source.labels[rows].tolist()]
    assert [label_of(path) for path in files] == names
    assert set(names) == set(job.trainer.splits.class_names)
    for path, pixels in zip(files, source.read(torch.tensor(rows)), strict=True):
        with Image.open(path) as image:
            assert (np.asarray(image) == pixels.permute(1, 2, 0).numpy()).all()


def test_the_accuracy_of_every_class(job):
    names = job.trainer.splits.class_names
    labels = job.trainer.images.test.labels
    for result in (job.results["dense"], *job.results["runs"]):
        assert [entry["name"] for entry in result["classes"]] == list(names)
        assert [entry["images"] for entry in result["classes"]] == labels.bincount().tolist()
        hits = sum(entry["images"] * entry["accuracy"]["plain"] for entry in result["classes"])
        plain = result["accuracy"] if isinstance(result["accuracy"], float) else result["accuracy"]["plain"]
        assert hits == pytest.approx(plain * len(labels))


def test_the_options_that_decide_on_the_results(job):
    options = job.results["options"]
    assert options["sparsities"] == [0.37, 0.8]
    assert (options["learning_rate"], options["mixed_precision"]) == (job.trainer.args.learning_rate, "no")
    assert "output_dir" not in options


def test_where_the_results_come_from(job):
    assert job.results["dataset"] == "colours"
    assert job.results["model"] == "ResNetForImageClassification"
    assert job.results["command"] == "python train.py"
    assert "validation split" in job.results["protocol"]
    assert {"python", "torch", "transformers", "accelerate"} <= set(job.results["versions"])


def test_exactly_as_many_weights_as_asked_for_are_kept(job):
    for run, percent in zip(job.results["runs"], (37, 80), strict=True):
        kept = TOTAL - percent * TOTAL // 100
        assert (run["nonzero"], run["total"]) == (kept, TOTAL)
        assert run["sparsity_requested"] == percent / 100
        assert run["sparsity"] == (TOTAL - kept) / TOTAL
        assert sum(layer["nonzero"] for layer in run["layers"]) == kept
        model = job.trainer.models[percent / 100]
        assert sum(int(mask.sum()) for mask in model.masks().values()) == kept
        assert model.config.sparsity == model.sparsity == run["sparsity"]


def test_the_test_split_is_read_at_the_end_of_each_run_once_per_view(job):
    assert job.test_passes == [
        *("finetune 0", "test"),  # the dense reference has no prompt
        *("find_mask 0.37", "finetune 0.37", "test", "test"),
        *("find_mask 0.8", "finetune 0.8", "test", "test"),
    ]


def test_evaluating_again_gives_the_same(job):
    again = {
        run["sparsity_requested"]: {name: run[name] for name in ("accuracy", "top5")} for run in job.results["runs"]
    }
    assert job.measured_again == again


def test_the_model_in_memory_stays_as_it_was(job):
    after = job.backbone.state_dict()
    assert after.keys() == job.before.keys()
    assert all(torch.equal(after[key], value) for key, value in job.before.items())
    assert all(parameter.requires_grad for parameter in job.backbone.parameters())
    assert job.backbone.training


def test_a_sparsity_that_was_not_trained_is_not_published(job):
    with pytest.raises(InputError, match=r"sparsity 0\.5 .*0\.37"):
        job.trainer.push_to_hub("me/model", sparsity=0.5)


def test_nothing_is_there_before_training(tmp_path):
    trainer = tiny_trainer(tmp_path)
    assert trainer.results is None
    assert dict(trainer.models) == {}
    assert not trainer.output_dir.exists()


def test_the_epoch_and_the_view_come_from_validation(job):
    for run in job.results["runs"]:
        epochs = [record for record in run["history"] if record["stage"] == "finetune"]
        best = max(epochs, key=lambda record: (max(record["validation"].values()), record["epoch"]))
        assert run["epoch"] == best["epoch"]
        assert run["validation"] == best["validation"]
        assert run["prompt_at_inference"] == (best["validation"]["prompted"] > best["validation"]["plain"])
        config = AutoConfig.from_pretrained(job.folder / run["path"])
        assert config.prompt_at_inference == run["prompt_at_inference"]


def test_the_history_tells_every_epoch(job):
    for run in job.results["runs"]:
        stages = [(record["stage"], record["epoch"]) for record in run["history"]]
        assert stages == [("find_mask", 1), ("finetune", 1), ("finetune", 2)]
        rates = [record["learning_rate"] for record in run["history"]]
        assert rates == pytest.approx([0.01, 0.01, 0.005])
        assert {record["sparsity"] for record in run["history"]} == {run["sparsity"]}


def test_the_output_folder(job):
    names = sorted(path.name for path in job.folder.iterdir())
    assert names == [
        *("dense-reference", "examples", "job.json", "plots", "predictions.npz", "recipe.yaml"),
        *("results.json", "results.md", "sparsity-37", "sparsity-80"),
    ]
    for run in job.results["runs"]:
        present = {path.name for path in (job.folder / run["path"]).iterdir()}
        assert {"config.json", WEIGHTS, "preprocessor_config.json", "README.md", "modeling_vpns.py"} <= present
    plots = {path.name for path in (job.folder / "plots").iterdir()}
    assert plots == {"training_curves.png", "accuracy_against_sparsity.png"}
    assert (job.folder / "sparsity-37/plots/prompt.png").is_file()


def test_the_same_seed_gives_the_same_file_alone_or_in_a_list(job, tmp_path):
    alone = tiny_trainer(tmp_path / "alone", sparsities=[0.8], finetune_epochs=2)
    alone.train()
    assert digest(alone, 0.8) == digest(job.trainer, 0.8)
    other_seed = tiny_trainer(tmp_path / "seed", sparsities=[0.8], finetune_epochs=2, seed=8)
    other_seed.train()
    assert digest(other_seed, 0.8) != digest(job.trainer, 0.8)


def test_what_is_chosen_at_random_starts_anew_at_every_sparsity(tmp_path):
    places = {"visual_prompt": "random", "prompt_size": 6}
    both = tiny_trainer(tmp_path / "both", sparsities=[0.37, 0.8], **places)
    both.train()
    alone = tiny_trainer(tmp_path / "alone", sparsities=[0.8], **places)
    alone.train()
    assert digest(alone, 0.8) == digest(both, 0.8)


@pytest.mark.parametrize(("views", "prompted"), [((0.9, 0.2), True), ((0.2, 0.9), False), ((0.5, 0.5), False)])
def test_the_better_view_on_validation_becomes_the_default(tmp_path, monkeypatch, views, prompted):
    accuracy = ViewAccuracy(*views)
    monkeypatch.setattr(loop, "evaluate_views", lambda *args: Evaluation(accuracy, accuracy))
    # The test split would choose the other view.
    opposite = ViewAccuracy(*views[::-1])
    monkeypatch.setattr(trainer_module, "evaluate_views", lambda *args: Evaluation(opposite, opposite))
    trainer = tiny_trainer(tmp_path)
    [run] = trainer.train()["runs"]
    assert run["prompt_at_inference"] is prompted
    assert trainer.models[0.5].config.prompt_at_inference is prompted
    assert run["accuracy"] == {"prompted": views[1], "plain": views[0]}


def test_a_job_in_bf16_is_computed_in_it_and_saved_in_float32(tmp_path):
    [full] = tiny_trainer(tmp_path / "full").train()["runs"]
    forget_accelerator()
    trainer = tiny_trainer(tmp_path / "bf16", mixed_precision="bf16")
    [run] = trainer.train()["runs"]
    loss, expected = run["history"][0]["loss"]["plain"], full["history"][0]["loss"]["plain"]
    assert loss != expected
    assert loss == pytest.approx(expected, rel=0.05)
    assert trainer.models[0.5].dtype == torch.float32
    assert trainer.evaluate()[0.5]["accuracy"] == run["accuracy"]


def test_an_existing_result_is_kept(job):
    before = (job.folder / "results.json").read_bytes()
    with pytest.raises(InputError, match="already holds"):
        tiny_trainer(job.folder.parent)
    assert (job.folder / "results.json").read_bytes() == before


def test_overwriting_replaces_the_results_and_nothing_else(tmp_path):
    tiny_trainer(tmp_path, sparsities=[0.5]).train()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    tiny_trainer(tmp_path, sparsities=[0.6], overwrite_output_dir=True).train()
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [
        *("examples", "job.json", "notes.txt", "plots", "predictions.npz", "recipe.yaml"),
        *("results.json", "results.md", "sparsity-60"),
    ]
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_a_bad_image_leaves_the_old_results(tmp_path):
    trainer = tiny_trainer(tmp_path)
    trainer.train()
    saved = contents(trainer.output_dir)
    args = tiny_arguments(tmp_path, overwrite_output_dir=True)
    test = with_unreadable_row(coloured_split(17, seed=3), 5)
    broken = VPNsTrainer(tiny_resnet(), args, coloured_split(40), coloured_split(13), test)
    with pytest.raises(InputError, match="row 5 of the test split"):
        broken.train()
    assert contents(trainer.output_dir) == saved


def test_the_dense_model_is_trained_first(tmp_path):
    journal = Journal()
    trainer = tiny_trainer(tmp_path, sparsities=[0.5, 0.6], pretrain_epochs=2, dense_reference=True)
    trainer.callbacks.append(journal)
    untrained = {key: value.clone() for key, value in trainer.base.state_dict().items()}
    trainer.train()
    assert journal.entries == [
        *("pretrain 0", "finetune 0"),
        *("find_mask 0.5", "finetune 0.5"),
        *("find_mask 0.6", "finetune 0.6"),
    ]
    assert trainer.base.sparsity == 0
    weight = "backbone.classifier.1.weight"
    assert not torch.equal(trainer.base.state_dict()[weight], untrained[weight])
    for model in trainer.models.values():  # which answer through the classes that were trained, also at 60%
        assert model.label_mapping.tolist() == [0, 1, 2]


def test_a_new_head_has_the_classes_of_the_data(tmp_path):
    trainer = VPNsTrainer(
        tiny_resnet(num_labels=5),
        tiny_arguments(tmp_path, head="new", label_mapping="identity", pretrain_epochs=1),
        *[coloured_split(count, seed=count, num_classes=7) for count in (40, 14, 15)],
    )
    trainer.train()
    model = trainer.models[0.5]
    assert model.backbone.config.num_labels == model.config.num_labels == 7
    assert model.label_mapping.tolist() == list(range(7))
    assert model(torch.zeros(1, 3, 16, 16)).logits.shape == (1, 7)


def test_the_class_names_reach_the_model(job):
    assert job.trainer.models[0.37].config.id2label == CLASSES


def test_the_dense_method(tmp_path):
    trainer = tiny_trainer(tmp_path, method="dense", sparsities=[0.0])
    [run] = trainer.train()["runs"]
    assert (run["method"], run["sparsity"], run["nonzero"], run["path"]) == ("dense", 0.0, TOTAL, "sparsity-0")
    assert [record["stage"] for record in run["history"]] == ["finetune"]
    assert all(mask.all() for mask in trainer.models[0.0].masks().values())


def test_the_dense_reference_is_the_dense_method_without_a_prompt(tmp_path):
    method = tiny_trainer(tmp_path / "method", method="dense", sparsities=[0.0], visual_prompt="none")
    [run] = method.train()["runs"]
    reference = tiny_trainer(tmp_path / "reference", dense_reference=True).train()["dense"]
    assert reference["accuracy"] == run["accuracy"]["plain"]
    assert run["accuracy"]["prompted"] is None


def test_without_a_reference_the_dense_accuracy_is_not_measured(tmp_path):
    assert tiny_trainer(tmp_path).train()["dense"]["accuracy"] is None


def test_the_protocol_of_the_paper(tmp_path):
    trainer = VPNsTrainer(
        tiny_resnet(),
        tiny_arguments(tmp_path, paper_protocol=True, finetune_epochs=2),
        coloured_split(40, seed=1),
        test_dataset=coloured_split(17, seed=3),
    )
    assert trainer.splits.validation is None
    assert len(trainer.splits.train) == 40
    results = trainer.train()
    [run] = results["runs"]
    assert (run["epoch"], run["validation"], run["prompt_at_inference"]) == (2, None, False)
    assert all(record["validation"] is None for record in run["history"])
    assert set(run["accuracy"]) == {"prompted", "plain"}
    assert "paper" in results["protocol"]


def test_a_validation_split_is_cut_from_train(tmp_path):
    args = tiny_arguments(tmp_path, validation_fraction=0.25)
    trainer = VPNsTrainer(tiny_resnet(), args, coloured_split(40), test_dataset=coloured_split(17))
    assert len(trainer.splits.train) + len(trainer.splits.validation) == 40
    assert len(trainer.splits.validation) == pytest.approx(10, abs=2)


def test_fewer_images_can_be_used(tmp_path):
    trainer = tiny_trainer(tmp_path, max_train_samples=20, max_eval_samples=5, max_test_samples=6)
    assert [len(getattr(trainer.images, name)) for name in ("train", "validation", "test")] == [20, 5, 6]


def test_the_iterative_mapping_and_another_prompt_run_through(tmp_path):
    trainer = tiny_trainer(
        tmp_path, label_mapping="iterative", find_mask_epochs=2, visual_prompt="expand", image_size=12, output_size=16
    )
    trainer.train()
    model = trainer.models[0.5]
    assert model.config.label_mapping_method == "iterative"
    assert len(set(model.label_mapping.tolist())) == 3
    assert model(torch.zeros(1, 3, 12, 12), prompted=True).logits.shape == (1, 3)


def test_a_layer_that_empties_is_told(tmp_path, caplog):
    [run] = tiny_trainer(tmp_path, sparsities=[0.995]).train()["runs"]
    empty = [layer["name"] for layer in run["layers"] if layer["nonzero"] == 0]
    assert empty
    assert all(name in caplog.text for name in empty)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompt_size": 9}, "prompt_size is 9; allowed for a border: 0 to 8"),
        ({"visual_prompt": "fix", "prompt_size": 17}, "prompt_size is 17; allowed: 0 to 16"),
        ({"visual_prompt": "expand"}, "image_size below output_size"),
        ({"output_size": 8}, "output_size is 8"),
    ],
)
def test_sizes_that_do_not_fit(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        tiny_trainer(tmp_path, **changes).train()
    assert not (tmp_path / "out").exists()


def test_more_target_than_source_classes(tmp_path):
    seven = [coloured_split(40, num_classes=7, seed=seed) for seed in range(3)]
    with pytest.raises(InputError, match=r"7 target classes .* 5 classes .*--head new"):
        VPNsTrainer(tiny_resnet(), tiny_arguments(tmp_path), *seven)


def test_a_network_without_a_layer_to_prune(tmp_path):
    splits = [coloured_split(count) for count in (40, 13, 17)]
    with pytest.raises(InputError, match="no Conv2d or Linear layer"):
        VPNsTrainer(ScaledChannels(ScaledChannels.config_class(num_labels=3)), tiny_arguments(tmp_path), *splits)


def test_a_model_that_is_pruned_already(job, tmp_path):
    with pytest.raises(InputError, match="pruned model already"):
        tiny_trainer(tmp_path, str(job.trainer.models.folder(0.8)))


def test_a_split_to_test_on_is_needed(tmp_path):
    with pytest.raises(InputError, match="no test split"):
        VPNsTrainer(tiny_resnet(), tiny_arguments(tmp_path), coloured_split(40))


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("part", ["train", "eval"])
def test_what_is_tested_on_is_not_used_before(tmp_path, streamed, part):
    train, other = coloured_split(40), coloured_split(13, seed=1)
    if streamed:
        train, other = train.to_iterable_dataset(), other.to_iterable_dataset()
    splits = (train, other, train) if part == "train" else (train, other, other)
    with pytest.raises(
        InputError, match=f"^{part}_dataset and test_dataset are the same rows; give .*, or test_fraction$"
    ):
        VPNsTrainer(tiny_resnet(), tiny_arguments(tmp_path), *splits)


def test_a_few_rows_to_test_on_that_are_trained_on(tmp_path):
    train = coloured_split(40).shuffle(seed=1)
    with pytest.raises(InputError, match=r"^12 of the 12 rows to test on are rows of the train split too"):
        VPNsTrainer(tiny_resnet(), tiny_arguments(tmp_path), train, coloured_split(9, seed=2), train.select(range(12)))


def test_test_rows_are_cut_from_the_training_rows(tmp_path):
    tests = []
    for seed in (1, 2):
        args = tiny_arguments(tmp_path / str(seed), test_fraction=0.25, seed=seed)
        trainer = VPNsTrainer(tiny_resnet(), args, coloured_split(40))
        tests.append(list(trainer.splits.origins["test"].rows))
        assert [len(trainer.splits.train), len(trainer.splits.validation), len(trainer.splits.test)] == [27, 3, 10]
        assert trainer.test_split == "test"
    assert tests[0] == tests[1]


@pytest.mark.parametrize(
    "change", [lambda ds: ds.with_format("torch"), lambda ds: ds.with_transform(lambda rows: rows)]
)
def test_the_format_of_a_data_set_is_dropped(tmp_path, change):
    splits = [coloured_split(count, seed=count) for count in (40, 13, 17)]
    plain = VPNsTrainer(tiny_resnet(), tiny_arguments(tmp_path / "plain"), *splits)
    changed = VPNsTrainer(tiny_resnet(), tiny_arguments(tmp_path / "changed"), *map(change, splits))
    changed.plan()
    for part in ("train", "validation", "test"):
        assert torch.equal(getattr(changed.images, part).images, getattr(plain.images, part).images)


def test_publishing_without_a_network_is_one_line(job):
    assert "me/model could not be published" in refusal(job.trainer.push_to_hub, "me/model", sparsity=0.8)


@pytest.mark.parametrize("name", ["write_model_card", "write_model_plots", "measure_cost"])
def test_a_fault_in_what_describes_a_model_loses_nothing(tmp_path, monkeypatch, caplog, name):
    def fail(*args: object) -> None:
        raise KeyError("of the\nreport")

    monkeypatch.setattr(f"vpns_hf.jobs.output.job_folder.{name}", fail)
    trainer = tiny_trainer(tmp_path, sparsities=[0.5, 0.6])
    assert [run["sparsity_requested"] for run in trainer.train()["runs"]] == [0.5, 0.6]
    assert [round(model.sparsity, 1) for model in trainer.models.values()] == [0.5, 0.6]
    said = [message for message in caplog.messages if "could not be told" in message]
    assert len(said) == 2
    assert all("the model is saved" in message and "\n" not in message for message in said)


def test_a_model_is_saved_before_it_is_measured(tmp_path, monkeypatch):
    def fail(*args: object) -> None:
        raise KeyError("of the measurement")

    monkeypatch.setattr("vpns_hf.jobs.trainer.run_result", fail)
    trainer = tiny_trainer(tmp_path)
    with pytest.raises(KeyError):
        trainer.train()
    assert VPNsForImageClassification.from_pretrained(trainer.models.folder(0.5)).sparsity > 0.49
