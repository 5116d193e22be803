"""The tables a job shows: the layers it will prune, and afterwards the accuracy at each sparsity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from .classes import class_notes
from .markdown import markdown_table
from .numbers import count, duration, percent, points, short_percent, with_prompt
from .records import DenseResult
from .results import Results, RunResult


def results_table(results: Results) -> str:
    """One row per run: sparsity, accuracy of both views beside the dense model's, passes, weights and MACs kept, seconds.

    Accuracies are in %, followed in brackets by the points they lie above the dense model; passes over the training
    images stand before those of the dense model; sparsities as they were asked for and as they are. MACs are
    multiplications with a kept weight, of all that one picture takes. Below stand the views that are taken by
    default, the classes that lost most, and how many images were left out.
    """
    header = [
        "Asked",
        "Reached",
        "With prompt %",
        "Without %",
        "Dense %",
        "Passes/dense",
        "Weights",
        "MACs kept",
        "Seconds",
    ]
    rows = [_run_row(run, results.reference_of(run)) for run in results.runs]
    table = markdown_table(header, rows, right=[True] * len(header))
    emptied = [
        f"At {short_percent(run.sparsity_requested)} sparsity no weight is left in {run.emptied}: nothing of the picture "
        "passes through."
        for run in results.runs
        if run.emptied
    ]
    notes = [*view_notes(results), *_channel_notes(results), *emptied, *class_notes(results), *image_notes(results)]
    return "\n\n".join([table, *notes])


def view_notes(results: Results) -> list[str]:
    """Returns a sentence on the view that each saved model takes by default; none where no model has a prompt."""
    both = [run for run in results.runs if run.accuracy.prompted is not None]
    found = {
        words: [short_percent(run.sparsity_requested) for run in both if run.view == view]
        for view, words in {"prompted": "with the prompt", "plain": "without the prompt"}.items()
    }
    told = [f"{words} at {', '.join(shares)}" for words, shares in found.items() if shares]
    return [f"By default the saved models are applied {'; '.join(told)} sparsity."] if told else []


def _channel_notes(results: Results) -> list[str]:
    """Returns a sentence on how many channels are kept, where whole channels went."""
    kept = [
        f"{count(run.channels.kept)} of {count(run.channels.total)} ({percent(run.channels.share)}) at "
        f"{short_percent(run.sparsity_requested)}"
        for run in results.runs
        if run.channels
    ]
    if not kept:
        return []
    return [
        f"Channels kept, of those that could go: {', '.join(kept)}. Reached is the share of weights that went with them."
    ]


def image_notes(results: Results) -> list[str]:
    """Returns sentences on images that were left out, that a saved model sees other pixels of, and that two splits hold."""
    words = {
        "Images that could not be read and were left out": results.skipped_images,
        "Images of other pixels through the image processor (16 bits or floats), used all the same": results.misread_images,
    }
    counts = {text: ", ".join(f"{count(n)} {split}" for split, n in images.items()) for text, images in words.items()}
    copied = [
        f"{count(n)} of {count(results.images[split])} {split} images are also {'training' if other == 'train' else other} images, byte for byte."
        for split, others in results.copied_images.items()
        for other, n in others.items()
    ]
    return [*copied, *(f"{text}: {listed}." for text, listed in counts.items() if listed)]


def layer_table(layers: Mapping[str, Sequence[int]], skipped: Mapping[str, str]) -> str:
    """Returns the layers that will be pruned, with their total, then the skipped ones with the reason.

    Args:
        layers: shape of the weight by name of the layer.
        skipped: reason by name of the layer.
    """
    sizes = {name: math.prod(shape) for name, shape in layers.items()}
    rows = [[name, _shape(layers[name]), count(size)] for name, size in sizes.items()]
    rows.append([f"all {len(layers)} layers", "", count(sum(sizes.values()))])
    table = markdown_table(["Pruned layer", "Shape", "Weights"], rows, right=[False, True, True])
    if not skipped:
        return table
    return f"{table}\n\n{markdown_table(['Skipped layer', 'Reason'], list(skipped.items()), right=[False, False])}"


def _run_row(run: RunResult, dense: DenseResult) -> list[str]:
    return [
        short_percent(run.sparsity_requested),
        percent(run.sparsity),
        with_prompt(points(run.accuracy.prompted, dense.accuracy)),
        points(run.accuracy.plain, dense.accuracy),
        points(dense.accuracy, None),
        f"{_number(run.passes and run.passes.total)}/{_number(dense.passes)}",
        count(run.nonzero),
        "-" if run.cost.macs_kept is None else percent(run.cost.macs_kept),
        duration(run.total_seconds),
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _shape(shape: Sequence[int]) -> str:
    return "x".join(str(length) for length in shape)
