"""What pruning does to single classes, which the accuracy over all hides."""

from __future__ import annotations

from dataclasses import dataclass

from .markdown import markdown_table
from .numbers import count, percent, points, short_percent
from .results import Results, RunResult

SHOWN = 20


@dataclass(frozen=True)
class ClassLoss:
    """One class before and after.

    Attributes:
        name: of the class.
        images: that were measured on.
        dense: accuracy of the dense model.
        pruned: of the pruned one, in the view it takes by default.
    """

    name: str
    images: int
    dense: float
    pruned: float

    def __str__(self) -> str:
        of = f"{count(self.images)} image" + ("" if self.images == 1 else "s")
        return f"{self.name}: {percent(self.dense)} to {percent(self.pruned)} of {of}"


def class_losses(run: RunResult, results: Results) -> list[ClassLoss]:
    """Returns the classes of a run beside those of its dense reference, the one that lost most first; [] if not recorded.

    Classes without images are left out.
    """
    dense = {entry.name: entry.accuracy.plain for entry in results.reference_of(run).classes}
    losses = [
        ClassLoss(entry.name, entry.images, dense[entry.name], getattr(entry.accuracy, run.view))
        for entry in run.classes
        if dense.get(entry.name) is not None
    ]
    return sorted(losses, key=lambda loss: loss.pruned - loss.dense)


def most_lost(run: RunResult, results: Results) -> ClassLoss | None:
    """Returns the class that lost most; None if none lost, or it is not recorded."""
    losses = class_losses(run, results)
    return losses[0] if losses and losses[0].pruned < losses[0].dense else None


def class_notes(results: Results) -> list[str]:
    """Returns a sentence for each sparsity on the class that lost most."""
    found = {run.sparsity_requested: most_lost(run, results) for run in results.runs}
    return [f"Lost most at {short_percent(at)} sparsity: {loss}." for at, loss in found.items() if loss is not None]


def class_table(results: Results) -> str:
    """Returns the accuracy of classes at every sparsity, those first that lost most at the last one; "" if not recorded.

    Accuracies are in %, of the view each model takes by default, with the points above the dense model in brackets.
    """
    by_run = [{loss.name: loss for loss in class_losses(run, results)} for run in results.runs]
    if not by_run or not by_run[-1]:
        return ""
    rows = [
        [
            loss.name,
            count(loss.images),
            points(loss.dense, None),
            *(points(of[loss.name].pruned, of[loss.name].dense) if loss.name in of else "-" for of in by_run),
        ]
        for loss in list(by_run[-1].values())[:SHOWN]
    ]
    header = [
        "Class",
        "Images",
        "Dense %",
        *(f"{short_percent(run.sparsity_requested)} sparse" for run in results.runs),
    ]
    table = markdown_table(header, rows, right=[False] + [True] * (len(header) - 1), in_file=True)
    left = len(by_run[-1]) - len(rows)
    others = [f"The other {count(left)} classes lost less."] if left > 0 else []
    return "\n\n".join([table, *others, *_without_images(results.runs[-1])])


def _without_images(run: RunResult) -> list[str]:
    """Returns a sentence on the classes that there was no image of."""
    names = [entry.name for entry in run.classes if not entry.images]
    more = f" and {count(len(names) - SHOWN)} more" if len(names) > SHOWN else ""
    return (
        [f"Not measured, as the {run.split} split has no image of them: {', '.join(names[:SHOWN])}{more}."]
        if names
        else []
    )
