"""What `scripts/evaluate.py` measured goes into a card; whatever else stands there, by hand or generated, stays.

The header is edited as text, for its model index only: other entries, comments and their order are not ours.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import yaml
from huggingface_hub.repocard_data import eval_results_to_model_index

from ...errors import InputError
from ...reporting.evaluation import ModelEvaluation, latency_title
from ...reporting.numbers import count, megabytes, milliseconds, percent
from ...utils.public_names import public_command
from .model_card import accuracy_results
from .sources import shown_dataset
from .text import with_last_cell, with_row

HEADER = re.compile(r"\A---\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
# The entry itself, and every line below it that is indented, an item of its list, a comment or empty.
MODEL_INDEX = re.compile(r"^model-index:.*\n(?:[ \-#].*\n|\n)*", re.MULTILINE)
END = "<!-- end of the evaluation -->"


def with_evaluation(text: str, evaluation: ModelEvaluation, command: str) -> str:
    """Returns a card with what was measured: in its model index, in its tables, and as a section of its own.

    A section of an earlier evaluation on the same split is replaced. The accuracies of the card's first table are those
    of one split; they change if it is the one that was measured.

    Args:
        text: of the card.
        evaluation: what was measured.
        command: the command line that measured it; leading folders of paths are left out.

    Raises:
        InputError: if the header of the card cannot be read.
    """
    ending = "\r\n" if "\r\n" in text else "\n"
    text = text.replace("\r\n", "\n")
    header, body = _parts(text)
    card = _with_index(header, evaluation) + _with_section(_with_figures(body, evaluation), evaluation, command)
    return card.replace("\n", ending)


def _parts(text: str) -> tuple[str, str]:
    """Splits a card into the lines of its header, "" without one, and the rest."""
    found = HEADER.match(text)
    return (found[1], text[found.end() :]) if found else ("", text)


def _with_index(header: str, evaluation: ModelEvaluation) -> str:
    try:
        fields = yaml.safe_load(header) or {}
        index = _merged(fields.get("model-index") or [], evaluation)
    except (yaml.YAMLError, AttributeError, TypeError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"the header of the card cannot be read ({reason}); correct it") from error
    written = yaml.safe_dump({"model-index": index}, sort_keys=False, allow_unicode=True, width=math.inf)
    if MODEL_INDEX.search(header):
        return f"---\n{MODEL_INDEX.sub(lambda found: written, header, count=1)}---\n"
    return f"---\n{header}{written}---\n"


def _merged(index: list[dict[str, Any]], evaluation: ModelEvaluation) -> list[dict[str, Any]]:
    """Puts the accuracies among the results of the first model; other results and fields stay as they are."""
    measured = accuracy_results(
        shown_dataset(evaluation.dataset),
        evaluation.split,
        evaluation.accuracy,
        evaluation.top5,
        evaluation.prompt_at_inference,
    )
    [of_split] = eval_results_to_model_index("model", measured)[0]["results"]
    index = index or [{"name": "model", "results": []}]
    results = index[0].setdefault("results", [])
    known = next((result for result in results if _kind(result) == _kind(of_split)), None)
    if known is None:
        results.append(of_split)
        return index
    for metric in of_split["metrics"]:
        same = [old for old in known["metrics"] if _metric(old) == _metric(metric)]
        if same:
            same[0]["value"] = metric["value"]
        else:
            known["metrics"].append(metric)
    return index


def _kind(result: Mapping[str, Any]) -> tuple[Any, ...]:
    dataset = result["dataset"]
    return result["task"]["type"], dataset["type"], dataset.get("split")


def _metric(metric: Mapping[str, Any]) -> tuple[Any, ...]:
    return metric["type"], metric.get("name")


def _with_figures(body: str, evaluation: ModelEvaluation) -> str:
    """Replaces the figures of a generated card's table, and of the sentence above it."""
    accuracy, top5, cost = evaluation.accuracy, evaluation.top5, evaluation.cost
    for title, cells in {
        "Sparsity achieved": ["", percent(evaluation.sparsity)],
        "Prunable weights kept": [count(evaluation.total), count(evaluation.nonzero)],
        "Size of the weights on disk": [megabytes(cost.dense_bytes), megabytes(evaluation.size)],
    }.items():
        body = with_row(body, title, title, cells)
    latencies = [milliseconds(cost.dense_milliseconds), milliseconds(cost.milliseconds)]
    body = with_row(body, r"Latency[^|\n]*", latency_title(cost), latencies)
    place = f"on the {evaluation.split} split of `{shown_dataset(evaluation.dataset)}`: "
    if place not in body:
        return body
    said = f"{place}{percent(accuracy.prompted)} with the prompt, {percent(accuracy.plain)} without; dense"
    body = re.sub(f"{re.escape(place)}[^;\n]*; dense", lambda found: said, body, count=1)
    for title, values in {"Top-1": accuracy, "Top-5": top5}.items():
        body = with_last_cell(body, f"{title}, with the prompt", percent(values.prompted))
        body = with_last_cell(body, f"{title}, without the prompt", percent(values.plain))
    return body


def _with_section(body: str, evaluation: ModelEvaluation, command: str) -> str:
    start = f"<!-- evaluation on {shown_dataset(evaluation.dataset)}, {evaluation.split} split -->"
    section = "\n".join([start, *_section(evaluation, command), END])
    earlier = re.compile(rf"{re.escape(start)}.*?{re.escape(END)}", re.DOTALL)
    if earlier.search(body):
        return earlier.sub(lambda found: section, body, count=1)
    limits = re.search(r"^## Limits$", body, re.MULTILINE)
    at = len(body) if limits is None else limits.start()
    before = body[:at].rstrip("\n")
    return f"{before}\n\n{section}\n" + (f"\n{body[at:]}" if body[at:] else "")


def _section(evaluation: ModelEvaluation, command: str) -> list[str]:
    place = f"the {evaluation.split} split of `{shown_dataset(evaluation.dataset)}`"
    return [
        f"## Evaluation on {place}",
        "",
        f"Measured on {count(evaluation.images)} images by",
        "",
        f"```bash\n{public_command(command)}\n```",
        "",
        evaluation.accuracy_table(),
        "",
        evaluation.figures_table(),
    ]
