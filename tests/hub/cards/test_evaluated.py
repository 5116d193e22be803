from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from tests.hub.cards.test_model_card import RUN
from vpns_hf import InputError
from vpns_hf.hub.cards import VPNsModelCardData, write_model_card
from vpns_hf.hub.cards.evaluated import with_evaluation
from vpns_hf.reporting import CostRecord, DenseResult, Results, ViewAccuracy
from vpns_hf.reporting.evaluation import ModelEvaluation

EVALUATION = ModelEvaluation(
    dataset="org/digits",
    split="test",
    images=1234,
    accuracy=ViewAccuracy(0.91, 0.92),
    top5=ViewAccuracy(0.93, 0.94),
    prompt_at_inference=True,
    nonzero=25,
    total=100,
    size=2_500_000,
    cost=CostRecord(2_000_000_000, 500_000_000, 9_000_000, 1.5, 1.25, 1, "CPU, 8 threads", "bfloat16"),
)
COMMAND = "python scripts/evaluate.py /home/ada/net --dataset_name org/digits --update_card"
ELSEWHERE = replace(EVALUATION, dataset="org/other", split="validation")
BY_HAND = """\
---
# Mine, and in this order.
tags: [vpns,   mine]
language: null
model-index:
- name: my net   # a name
  results:
  - task: {type: text-classification}
    dataset: {type: org/digits, name: Digits, split: test}
    source: {url: https://example.org}
    metrics:
    - {type: accuracy, value: 0.5, verified: true}
license: mit # yes
---
# My net

It is *mine*.

| Top-1, with the prompt | 5% | - |
|---|---|---|

## Limits

None.
"""


@pytest.fixture
def card(tmp_path) -> str:
    results = Results(DenseResult(0.9556, 0.998, "test"), [RUN], model="org/resnet-18", dataset="org/digits")
    return write_model_card(tmp_path, VPNsModelCardData.from_results(results, RUN)).read_text()


def added(before: str, after: str) -> list[str]:
    """The lines that are new, and the lines that went, in order, marked + and -."""
    old, new = before.splitlines(), after.splitlines()
    return [f"-{line}" for line in old if line not in new] + [f"+{line}" for line in new if line not in old]


def header(text: str) -> dict:
    return yaml.safe_load(text.split("---\n")[1])


def body(text: str) -> str:
    return text.split("---\n", 2)[2]


def test_figures_of_the_same_split_take_the_place_of_the_old(card):
    before, section, after = body(with_evaluation(card, EVALUATION, COMMAND)).partition("<!-- evaluation")
    assert [line for line in added(body(card), before) if line[0] == "+"] == [
        "+**70.01% of 11,678,912 prunable weights removed. Top-1 accuracy on the test split of `org/digits`: "
        "91.00% with the prompt, 92.00% without; dense model: 95.56%.**",
        "+| Sparsity achieved | | 75.00% |",
        "+| Top-1, with the prompt | | 91.00% |",
        "+| Top-1, without the prompt | 95.56% | 92.00% |",
        "+| Top-5, with the prompt | | 93.00% |",
        "+| Top-5, without the prompt | 99.80% | 94.00% |",
        "+| Prunable weights kept | 100 | 25 |",
        "+| Latency (batch of 1, bfloat16, CPU, 8 threads) | 1.25 ms | 1.5 ms |",
        "+| Size of the weights on disk | 9.00 MB | 2.50 MB |",
    ]
    assert section
    assert "\n## Limits\n" in after


def test_the_section_says_what_was_measured_and_how(card):
    section = with_evaluation(card, EVALUATION, COMMAND).partition(" -->\n")[2].partition("<!-- end")[0]
    assert section.startswith("## Evaluation on the test split of `org/digits`\n\nMeasured on 1,234 images by\n")
    assert "\npython scripts/evaluate.py net --dataset_name org/digits --update_card\n" in section
    assert "| Top-1 accuracy |          91.00% |  92.00% |\n" in section
    assert "| Sparsity                                                   |         |  75.00% |\n" in section


def test_the_index_holds_the_new_numbers_and_keeps_everything_else(card):
    before, after = header(card), header(with_evaluation(card, EVALUATION, COMMAND))
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


def test_another_split_is_added_beside_the_first(card):
    text = with_evaluation(card, ELSEWHERE, COMMAND)
    assert "`org/digits`: 95.28% with the prompt, 94.17% without; dense model" in text
    assert "| Top-1, with the prompt | | 95.28% |\n" in text
    assert "## Evaluation on the validation split of `org/other`\n" in text
    first, second = header(text)["model-index"][0]["results"]
    assert first == header(card)["model-index"][0]["results"][0]
    assert (second["dataset"]["type"], second["dataset"]["split"]) == ("org/other", "validation")
    assert second["metrics"][0]["value"] == 0.91


def test_measuring_again_changes_the_numbers_only(card):
    text = with_evaluation(with_evaluation(card, ELSEWHERE, COMMAND), EVALUATION, COMMAND)
    assert with_evaluation(text, EVALUATION, COMMAND) == text
    again = with_evaluation(text, replace(ELSEWHERE, accuracy=ViewAccuracy(0.111, 0.222)), COMMAND)
    assert len(again.splitlines()) == len(text.splitlines())
    assert again.count("11.10%") == 1
    assert again.count("<!-- evaluation on") == 2


def test_a_card_of_ones_own_keeps_every_line(card):
    text = with_evaluation(BY_HAND, EVALUATION, COMMAND)
    index = BY_HAND.index("model-index"), BY_HAND.index("license")
    assert text.startswith(BY_HAND[: index[0]])
    start, end = text.index("<!-- evaluation"), text.index("## Limits")
    row = "| Top-1, with the prompt | 5% | - |\n"
    assert (BY_HAND[index[1] :]).replace(row, "") == (text[text.index("license: mit") : start] + text[end:]).replace(
        row, ""
    )
    mine, measured = header(text)["model-index"][0]["results"]
    assert mine == header(BY_HAND)["model-index"][0]["results"][0]
    assert measured["task"]["type"] == "image-classification"


@pytest.mark.parametrize("text", ["", "# A net\n", "---\nlicense: mit\n---\n"])
def test_a_card_without_an_index_or_a_header_gets_one(text):
    card = with_evaluation(text, EVALUATION, COMMAND)
    assert header(card)["model-index"][0]["results"][0]["metrics"][0]["value"] == 0.91
    assert header(card).get("license") == ("mit" if "license" in text else None)
    assert ("# A net\n" in card) == ("# A net" in text)
    assert card.endswith("<!-- end of the evaluation -->\n")


def test_line_endings_stay(card):
    windows = card.replace("\n", "\r\n")
    text = with_evaluation(windows, EVALUATION, COMMAND)
    assert text == with_evaluation(card, EVALUATION, COMMAND).replace("\n", "\r\n")


@pytest.mark.parametrize("header", ["tags: [x", "just text", "model-index: 5", "model-index: [{results: [5]}]"])
def test_a_header_that_cannot_be_read(header):
    with pytest.raises(InputError, match=r"the header of the card cannot be read .*; correct it") as refused:
        with_evaluation(f"---\n{header}\n---\n# Net\n", EVALUATION, COMMAND)
    assert "\n" not in str(refused.value)
