"""`vpns transfer`: its jobs, run in this process, and what it makes of them."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest
import torch

from tests.helpers import forget_accelerator
from tests.training_helpers import coloured_split
from vpns_hf import VPNsForImageClassification
from vpns_hf.__main__ import main
from vpns_hf.cli.parsing import parse_arguments
from vpns_hf.cli.transfer import parse_transfer
from vpns_hf.reporting import Results
from vpns_hf.studies import Transfer

HEAD = "classifier.1"
SMALL = ["--image_size", 16, "--prompt_size", 2, "--train_batch_size", 16, "--use_cpu", "--sparsities", 0.6]
SHORT = ["--find_mask_epochs", 1, "--finetune_epochs", 0, "--equal_passes", 4, "--score_learning_rate", 0.1]


@pytest.fixture
def folders(model_folder, data_folder) -> list:
    """The arguments that name the network, a source and a target."""
    parts = {"train": 40, "validation": 13, "test": 17}
    data = [
        data_folder(name, **{part: coloured_split(rows, seed=seed) for part, rows in parts.items()})
        for seed, name in enumerate(("one", "two"))
    ]
    return ["--model_name_or_path", model_folder, "--sources", data[0], "--targets", data[1]]


@pytest.fixture
def started(monkeypatch) -> list[str]:
    """The jobs that are run, each in this process."""
    names = []

    def run(arguments: list[str]) -> int:
        names.append(arguments[arguments.index("--output_dir") + 1].rpartition("/")[2])
        monkeypatch.setattr(sys, "argv", ["vpns", *arguments])
        forget_accelerator()
        try:
            main()
        except SystemExit as exit:
            return exit.code
        return 0

    monkeypatch.setattr("vpns_hf.utils.own_process.run_own", run)
    return names


@pytest.mark.slow
def test_a_subnetwork_is_moved_as_it_is(training_vpns, folders, started, tmp_path):
    argv = [*folders, *SMALL, *SHORT, "--with_prompt", "--output_dir", tmp_path / "out", "--disable_tqdm"]
    ended = training_vpns("transfer", *argv)
    assert ended.code == 0, ended.err
    assert started == ["found-one", "found-two", "found-one-to-two", "random-one-to-two", "omp-two", "dense-two"]
    models, results = {}, {}
    for name in started:
        at = "sparsity-0" if name == "dense-two" else "sparsity-60"
        models[name] = VPNsForImageClassification.from_pretrained(tmp_path / "out" / "jobs" / name / at)
        results[name] = Results.load(tmp_path / "out" / "jobs" / name / "results.json")
    masks = {name: model.masks() for name, model in models.items()}
    assert all(torch.equal(mask, masks["found-one-to-two"][layer]) for layer, mask in masks["found-one"].items())
    counts = {name: [int(mask.sum()) for mask in layers.values()] for name, layers in masks.items()}
    assert counts["random-one-to-two"] == counts["found-one"] != counts["omp-two"]
    assert all(layers[HEAD].all() for layers in masks.values())
    assert {one.runs[0].passes.total for one in results.values()} == {4.0}
    assert all(mask.all() for mask in masks["dense-two"].values())
    assert not models["dense-two"].has_prompt
    assert results["found-one-to-two"].options["init_prompt"]
    check_tables(tmp_path / "out", ended.out, results)
    again = training_vpns("transfer", *argv[:-1])
    assert (again.code, again.out, len(started)) == (0, ended.out[ended.out.index("| Mask") :], 6)
    line = training_vpns("transfer", *argv, "--seed", 8).refusal("vpns transfer")
    assert "was begun with seed not given, now 8; give what it was begun with" in line
    file = tmp_path / "out" / "jobs" / "omp-two" / "results.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "test_digest": "17 (0123456789ab)"}))
    assert "were tested on different images" in training_vpns("transfer", *argv[:-1]).refusal("vpns transfer")


def check_tables(folder, said: str, results: dict[str, Results]) -> None:
    rows = {row["job"] + row["mask"]: row for row in csv.DictReader((folder / "transfer.csv").open())}
    assert len(rows) == len(json.loads((folder / "transfer.json").read_text())["entries"]) == 6
    moved = results["found-one-to-two"].runs[0]
    accuracy = moved.accuracy.prompted if moved.prompt_at_inference else moved.accuracy.plain
    assert float(rows["found-one-to-twofound"]["accuracy"]) == accuracy
    assert float(rows["dense-twodense"]["accuracy"]) == results["dense-two"].runs[0].accuracy.plain
    for text in (said, (folder / "transfer.md").read_text()):
        lines = [line for line in text[text.index("| Mask") :].splitlines() if line.startswith("| ")]
        table = dict([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
        assert table["found on one"] == f"{100 * accuracy:.2f}%"
        assert {"found on the target", "random, layers as on one", "OMP of the dense network", "dense"} <= set(table)
    assert "not made" not in said
    assert (folder / "plots" / "transfer.png").read_bytes().startswith(b"\x89PNG")


def transfer(sources: list[str], targets: list[str], **options: object) -> Transfer:
    common = {"model_name_or_path": "net", "method": "vpns", "sparsities": [0.9], "equal_passes": "auto", **options}
    return Transfer(sources, targets, common, {"init_weights": "dense", "init_prompt": False}, Path("out"))


def test_every_job_of_a_matrix_is_understood():
    given = transfer(["cifar10", "digits"], ["digits", "dtd"], horizontal_flip=False, output_size=240)
    jobs = {job.name: parse_arguments(given.arguments(job)) for job in given.jobs()}
    assert set(jobs) == {
        *(f"found-{data}" for data in ("cifar10", "digits", "dtd")),
        *(
            f"{mask}-{way}"
            for mask in ("found", "random")
            for way in ("cifar10-to-digits", "cifar10-to-dtd", "digits-to-dtd")
        ),
        *("omp-digits", "omp-dtd", "dense-digits", "dense-dtd"),
    }
    inputs, args = jobs["found-digits-to-dtd"]
    mask = "out/jobs/found-digits/sparsity-90"
    assert (inputs.dataset_name, args.init_mask, args.method, args.dense_reference) == ("dtd", mask, "omp", False)
    assert (jobs["random-digits-to-dtd"][1].like, jobs["omp-dtd"][1].init_mask) == (mask, None)
    assert not any(args.dense_reference for _, args in jobs.values())
    dense = jobs["dense-dtd"][1]
    assert (dense.method, dense.sparsities, dense.visual_prompt, dense.equal_passes) == ("dense", [0], "none", "auto")
    assert not any(args.horizontal_flip for _, args in jobs.values())
    assert "omp-dtd" not in [job.name for job in transfer(["digits"], ["dtd"], method="omp").jobs()]


def test_a_source_that_becomes_a_target_keeps_its_job():
    first, later = (transfer(["cifar10"], targets) for targets in (["dtd"], ["dtd", "cifar10"]))
    before, after = ({job.name: one.arguments(job) for job in one.jobs()} for one in (first, later))
    assert before.items() <= after.items()
    assert set(after) - set(before) == {"omp-cifar10", "dense-cifar10"}


def test_a_job_that_fails_does_not_keep_others_back(training_vpns, folders, monkeypatch, tmp_path):
    monkeypatch.setattr("vpns_hf.utils.own_process.run_own", lambda arguments: "--like" in arguments)
    ended = training_vpns("transfer", *folders, *SMALL, "--output_dir", tmp_path / "out")
    assert ended.code == 1
    assert ended.err.endswith("Failed: random-one-to-two; repeat the command to try again\n")
    assert "| found on one" in ended.out


def test_what_starts_from_a_mask_that_is_not_there_waits_for_it(training_vpns, folders, monkeypatch, tmp_path):
    started = []

    def run(arguments: list[str]) -> bool:
        started.append(arguments[arguments.index("--output_dir") + 1].rpartition("/")[2])
        return started[-1] == "found-one"

    monkeypatch.setattr("vpns_hf.utils.own_process.run_own", run)
    ended = training_vpns("transfer", *folders, *SMALL, "--output_dir", tmp_path / "out")
    assert (ended.code, started) == (1, ["found-one", "found-two", "omp-two", "dense-two"])
    waiting = "(not started, as they wait for it: found-one-to-two, random-one-to-two)"
    assert ended.err.endswith(f"Failed: found-one {waiting}; repeat the command to try again\n")


@pytest.mark.parametrize("more", [[], ["--dry_run"]])
def test_data_that_are_not_there_are_told_before_any_job_starts(training_vpns, folders, started, tmp_path, more):
    argv = [*folders, "nothere", *SMALL, "--output_dir", tmp_path / "out", *more]
    ended = training_vpns("transfer", *argv)
    assert (ended.code, ended.out, started) == (2, "", [])
    assert "nothere is no folder here, and could not be loaded from the Hub" in ended.err.splitlines()[-1]


@pytest.mark.parametrize("name", ["transfer.md", "transfer.csv"])
@pytest.mark.parametrize("more", [[], ["--dry_run"]])
def test_a_file_of_somebody_else_is_refused_before_any_job_starts(
    training_vpns, folders, started, tmp_path, more, name
):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    ended = training_vpns("transfer", *folders, *SMALL, "--output_dir", tmp_path / "out", *more)
    assert (ended.code, ended.out, started, len(ended.err.splitlines())) == (2, "", [], 1)
    assert f"{name} is not of a transfer and would be replaced; give another --output_dir" in ended.err
    assert [path.read_text() for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_a_dry_run_counts_what_is_done_and_left(training_vpns, folders, tmp_path):
    done = tmp_path / "out" / "jobs" / "omp-two"
    done.mkdir(parents=True)
    job = {"identity": {"sparsities": [0.6]}, "processes": 1, "finished": {}, "versions": {}}
    (done / "job.json").write_text(json.dumps(job))
    ended = training_vpns("transfer", *folders, *SMALL, "--output_dir", tmp_path / "out", "--dry_run")
    names = ["found-one", "found-two", "found-one-to-two", "random-one-to-two", "omp-two", "dense-two"]
    rows = [f"  {'done' if name == 'omp-two' else 'left'}  {name}" for name in names]
    assert ended.out.splitlines() == ["Jobs: 6, of which 1 done, 5 left", *rows]


NAMED = "--model_name_or_path net --sources digits --targets dtd"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ("--model_name_or_path net --sources digits", "required: --targets"),
        (f"{NAMED} --sparsities 0.5 0.7", "sparsities is [0.5, 0.7]; a transfer is at one sparsity: give one"),
        (f"{NAMED} --granularity kernel", "granularity is kernel; a transfer is of single weights"),
        (
            "--config digits --sources digits --targets dtd --sparsities 0.5",
            "resnet-small: it is untrained, with as many classes as",
        ),
        (f"{NAMED} --dataset_name digits", "give --sources and --targets in its place"),
        (f"{NAMED} --init_mask a", "init_mask is a, but a transfer decides on it by itself"),
        (f"{NAMED} --distill_alpha 0.5", "no job of a transfer has a dense reference to learn from"),
        (f"{NAMED} --weights some", "invalid choice: 'some'"),
        (f"{NAMED} --visual_prompt frame", "visual_prompt is 'frame'; allowed: "),
        (f"{NAMED} --source a", "unknown argument --source; did you mean --sources"),
        (f"{NAMED} --exclude head --targets a/digits", "digits and a/digits are both called digits; rename one"),
    ],
)
def test_wrong_arguments_end_in_one_line(vpns, argv, words):
    assert words in vpns("transfer", *argv.split()).refusal("vpns transfer")


@pytest.mark.parametrize("name", ["transfer_imagenet", "transfer_small"])
def test_the_recipes_that_are_shipped(name):
    asked = parse_transfer(["--config", name, "--model_name_or_path", "net", "--weights", "pruned"])
    assert (asked.options["sparsities"], asked.options["equal_passes"]) == ([0.9], "auto")
    assert asked.given.weights == "pruned"
    assert not asked.given.with_prompt
    assert asked.output_dir.as_posix() == f"output/{name}"


def test_the_recipe_of_a_job_gives_neither_data_set_nor_folder():
    asked = parse_transfer(["--config", "digits", "--sources", "digits", "--targets", "dtd", "--sparsities", "0.5"])
    assert (asked.given.sources, asked.given.targets) == (["digits"], ["dtd"])
    assert (asked.options["prompt_size"], asked.output_dir) == (3, Path("output/transfer"))
    assert "dataset_name" not in asked.options
