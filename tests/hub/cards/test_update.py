"""Evaluations on a card: in its tables, in its model index, each in a section; and what somebody wrote, which stays."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.helpers import refusal
from tests.hub.cards.results import EVALUATION, LATENCY, RESULTS, RUN
from vpns_hf import VPNsConfig
from vpns_hf.hub import FetchedModel
from vpns_hf.hub.cards import BEGIN, END, renewed_card, update_card, write_model_card
from vpns_hf.reporting import (
    DENSE,
    PRUNED,
    LatencyRecord,
    ModelEvaluation,
    Results,
    ViewAccuracy,
)

COMMAND = "python scripts/evaluate.py /home/ada/net --dataset_name org/digits --update_card"
ELSEWHERE = replace(EVALUATION, dataset="org/other", split="validation")
BY_HAND = """\
---
tags: [vpns,   mine]
license: mit
datasets: [ada/pictures]
model-index:
- name: my net
  results:
  - task: {type: text-classification}
    dataset: {type: org/digits, name: Digits, split: test}
    source: {url: https://example.org}
    metrics:
    - {type: accuracy, value: 0.5, verified: true}
colours: [red, green]
---
# My net

It is *mine*.

| Top-1, with the prompt | 5% | - |
|---|---|---|
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    """The folder of a model of a run."""
    folder = tmp_path / "sparsity-70"
    folder.mkdir()
    (folder / "config.json").write_text(f'{{"model_type": "{VPNsConfig.model_type}"}}')
    (folder / "model.safetensors").write_bytes(bytes(2_500_000))
    write_model_card(folder, RESULTS, RUN)
    return folder


@pytest.fixture
def update(folder):
    """Adds an evaluation; returns the card."""

    def updated(evaluation: ModelEvaluation = EVALUATION) -> str:
        path = update_card(FetchedModel(folder), COMMAND, evaluation=evaluation)
        assert path == str(folder / "README.md")
        return text_of(folder)

    return updated


def text_of(folder: Path) -> str:
    return (folder / "README.md").read_bytes().decode()


def write(folder: Path, text: str) -> None:
    (folder / "README.md").write_bytes(text.encode())


def added(before: str, after: str) -> list[str]:
    old = before.splitlines()
    return [line for line in after.splitlines() if line not in old]


def header(text: str) -> dict:
    return yaml.safe_load(text.split("---\n")[1])


def body(text: str) -> str:
    return text.split("---\n", 2)[2]


def test_figures_of_the_same_split_take_the_place_of_the_old(folder, update):
    card = text_of(folder)
    before, section, after = body(update()).partition("## Evaluation")
    assert added(body(card), before) == [
        "**75.00% of 100 prunable weights removed. Top-1 accuracy on the test split of `org/digits`: "
        "91.00% with the prompt, 92.00% without; dense model: 95.56%.**",
        "| Sparsity achieved | | 75.00% |",
        "| Top-1, with the prompt | | 91.00% |",
        "| Top-1, without the prompt | 95.56% | 92.00% |",
        "| Top-5, with the prompt | | 93.00% |",
        "| Top-5, without the prompt | 99.80% | 94.00% |",
        "| Prunable weights kept | 100 | 25 |",
        "| MACs for one picture; pruned: those with a non-zero weight | 2 G | 500 M (25.00%) |",
        "| Latency (batch of 1, bfloat16, CPU, 8 threads) | 1.25 ms | 1.5 ms |",
        "| Size of the weights on disk | 9.00 MB | 2.50 MB |",
    ]
    assert section
    assert "\n## Limits\n" in after


def test_the_section_says_what_was_measured_and_how(update):
    section = update().partition("## Evaluation on ")[2].partition("## Limits")[0]
    assert section.startswith("the test split of `org/digits`\n\nMeasured on 1,234 images, 2026-01-31, by\n")
    assert "\npython scripts/evaluate.py ./net --dataset_name org/digits --update_card\n" in section
    assert "| Top-1 accuracy |          91.00% |  92.00% |\n" in section
    assert "| Sparsity                                                   |         |         75.00% |\n" in section
    assert "\n\nVersions: torch 2.13.0.\n" in section


def test_the_results_keep_it_and_the_card_can_be_made_of_them(folder, update):
    card = update()
    results = Results.load(folder / "results.json")
    assert results.evaluations == [
        replace(EVALUATION, command="python scripts/evaluate.py ./net --dataset_name org/digits --update_card")
    ]
    assert replace(results, evaluations=[]) == RESULTS.of_model(RUN)
    (folder / "README.md").unlink()
    assert yaml.safe_load(renewed_card(folder, results, "sparsity-70").split("---\n")[1]) == header(card)
    assert body(renewed_card(folder, results, "sparsity-70")) == body(card)


def test_the_index_holds_the_new_numbers_and_keeps_everything_else(folder, update):
    before, after = header(text_of(folder)), header(update())
    [result] = after["model-index"][0]["results"]
    values = {metric["name"]: metric["value"] for metric in result["metrics"]}
    assert values == {
        "Accuracy with the prompt": 0.91,
        "Accuracy without the prompt": 0.92,
        "Top-5 accuracy with the prompt": 0.93,
        "Top-5 accuracy without the prompt": 0.94,
    }
    assert {**before, "model-index": None} == {**after, "model-index": None}
    assert list(before) == list(after)


def test_the_latency_stands_on_the_card_and_in_the_results(folder, update):
    update()
    update_card(FetchedModel(folder), "vpns evaluate /home/ada/net --latency --update_card", latency=LATENCY)
    text = text_of(folder)
    section = text.partition("\n## Latency in several libraries\n")[2].partition("\n## Limits\n")[0]
    assert section.strip() == (
        "Measured, 2026-02-01, by\n\n```bash\nvpns evaluate ./net --latency --update_card\n```\n\n"
        f"{LATENCY}\n\nVersions: MNN 3.6.1."
    )
    results = Results.load(folder / "results.json")
    assert results.latency == replace(LATENCY, command="vpns evaluate ./net --latency --update_card")
    assert [one.dataset for one in results.evaluations] == ["org/digits"]
    assert update(ELSEWHERE).count("## Latency in several libraries") == 1
    faster = replace(LATENCY, measured=[LatencyRecord(backend, 1, 1.5, 1.0, 2.0) for backend in (DENSE, PRUNED)])
    update_card(FetchedModel(folder), COMMAND, latency=faster)
    assert "7 ms (6 to 8)" in text
    assert "7 ms (6 to 8)" not in text_of(folder)


def test_another_split_is_added_beside_the_first(folder, update):
    before = header(text_of(folder))
    text = update(ELSEWHERE)
    assert "`org/digits`: 95.28% with the prompt, 94.17% without; dense model" in text
    assert "| Top-1, with the prompt | | 95.28% |\n" in text
    assert "## Evaluation on the validation split of `org/other`\n" in text
    first, second = header(text)["model-index"][0]["results"]
    assert first == before["model-index"][0]["results"][0]
    assert (second["dataset"]["type"], second["dataset"]["split"]) == ("org/other", "validation")
    assert second["metrics"][0]["value"] == 0.91


def test_measuring_again_changes_the_numbers_only(folder, update):
    update(ELSEWHERE)
    text = update()
    assert update() == text
    update(replace(ELSEWHERE, accuracy=ViewAccuracy(0.111, 0.222)))
    again = text_of(folder)
    assert len(again.splitlines()) == len(text.splitlines())
    assert again.count("11.10%") == 1
    assert again.count("## Evaluation on") == len(Results.load(folder / "results.json").evaluations) == 2


def test_what_somebody_wrote_around_the_markers_and_in_the_header_stays(folder, update):
    card = text_of(folder).replace("license: unknown", "license: mit\nlanguage: en").replace("- pruning", "- mine")
    write(folder, card.replace(BEGIN, f"Mine.\n\n{BEGIN}") + "\n## Thanks\n\nTo Ada.\n")
    text = update()
    fields = header(text)
    assert (fields["license"], fields["language"]) == ("mit", "en")
    assert {"mine", "pruning", "vpns"} <= set(fields["tags"])
    assert f"\nMine.\n\n{BEGIN}\n" in text
    assert text.endswith(f"\n{END}\n\n## Thanks\n\nTo Ada.\n")
    assert text.count("91.00% with the prompt") == 1


@pytest.mark.parametrize("known", [True, False])
def test_a_card_by_hand_keeps_its_text_and_gets_what_is_generated_at_its_end(folder, update, known):
    write(folder, BY_HAND)
    if not known:
        (folder / "results.json").unlink()
    text = update()
    assert body(text).startswith(f"{body(BY_HAND)}\n{BEGIN}\n")
    assert text.endswith(f"\n{END}\n")
    assert ("# sparsity-70\n" in text) == known
    assert "## Evaluation on the test split of `org/digits`\n" in text
    fields = header(text)
    assert (fields["license"], fields["colours"]) == ("mit", ["red", "green"])
    assert fields["datasets"] == (["ada/pictures", "org/digits"] if known else ["ada/pictures"])
    mine, measured = fields["model-index"][0]["results"]
    assert mine == header(BY_HAND)["model-index"][0]["results"][0]
    assert measured["task"]["type"] == "image-classification"
    assert update() == text


@pytest.mark.parametrize("text", ["# A net\n", "---\nlicense: mit\n---\n# A net\n"])
def test_a_card_without_an_index_or_a_header_gets_one(folder, update, text):
    write(folder, text)
    card = update()
    assert header(card)["model-index"][0]["results"][0]["metrics"][0]["value"] == 0.91
    assert header(card).get("license") == ("mit" if "license" in text else None)
    assert body(card).startswith("# A net\n")


def test_what_was_generated_is_not_lost_with_the_results(folder, update):
    (folder / "results.json").unlink()
    before = text_of(folder)
    assert "has no results.json to make a card of" in refusal(update)
    assert text_of(folder) == before
    (folder / "README.md").unlink()
    assert "has no results.json to make a card of" in refusal(update)


def test_line_endings_stay(folder, update):
    windows = text_of(folder).replace("\n", "\r\n")
    unix = update()
    write(folder, windows)
    assert update() == unix.replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("---\ntags: [x\n---\n", "its header cannot be read"),
        ("---\njust text\n---\n", "its header cannot be read"),
        ("---\nmodel-index: 5\n---\n", "its header cannot be read"),
        ("---\nmodel-index: [{results: [5]}]\n---\n", "its header cannot be read"),
        (f"{BEGIN}\n", f"one line {BEGIN} and one line {END} below it"),
        (f"{END}\n{BEGIN}\n", f"one line {BEGIN} and one line {END} below it"),
        (f"{BEGIN}\n{END}\n{BEGIN}\n{END}\n", f"one line {BEGIN} and one line {END} below it"),
        (b"\xff", "it is no text in UTF-8"),
    ],
)
def test_a_card_that_cannot_be_read_is_left_alone(folder, update, text, reason):
    content = text if isinstance(text, bytes) else text.encode()
    (folder / "README.md").write_bytes(content)
    line = refusal(update)
    assert re.match(r"the card .*README\.md cannot be", line)
    assert reason in line
    assert (folder / "README.md").read_bytes() == content
    assert Results.load(folder / "results.json").evaluations == []
