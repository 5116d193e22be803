"""What has to be said beside the numbers of a setting, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...utils.text import counted
from ..numbers import count
from .comparable import AN_EPOCH
from .compared_run import ComparedRun
from .differences import Difference
from .lines import Cell, Setting
from .options import option_differences, shown
from .ranking import Ranking, rank
from .statistics import Interval


def table_notes(setting: Setting) -> list[str]:
    """Returns what the accuracies are, of how many seeds and images, what is in bold, and what may not be ranked."""
    rankings = [rank(setting.column(sparsity)) for sparsity in setting.sparsities]
    return [
        f"Top-1 accuracy in % on {_tested_on(setting.runs)}, in the view that each saved model takes by default; {_seeds(setting)}.",
        _bold(setting, rankings),
        f"Passes go once through the training images, forward and backward; behind the stroke those of the dense model.{_rounding(setting)}",
        *_apart(setting, rankings),
        *(note for sparsity in setting.sparsities for cell in setting.column(sparsity) for note in _emptied(cell)),
        *_other_differences(setting),
        *_not_recorded(setting.runs),
    ]


def difference_notes(differences: Sequence[Difference]) -> list[str]:
    """Returns how the differences were made, and why some have no interval."""
    found = [difference.interval for difference in differences]
    with_ends = [interval for interval in found if interval.low is not None]
    notes = [
        "Difference of accuracies in points, first less second, and its 95% confidence interval; of the same seeds, images and "
        "passes on both sides."
    ]
    notes += [_OVER[over] for over in _OVER if any(interval.over == over for interval in with_ends)]
    if len(with_ends) > 1:
        notes.append(
            f"Of {len(with_ends)} intervals {len(with_ends) / 20:.2g} would leave out 0 by chance alone on average: none is "
            "widened for their number."
        )
    return notes + [f"{reason[:1].upper()}{reason[1:]}." for reason in _without_ends(found)]


_OVER = {
    "seeds": "Over several seeds it is that of the paired t test, each seed a pair.",
    "images": "Of a single seed it is a paired bootstrap over the test images, which says nothing of other seeds.",
}


def _tested_on(runs: Iterable[ComparedRun]) -> str:
    splits = " or ".join(dict.fromkeys(run.result.split for run in runs))
    images = [run.images for run in runs]
    numbers = " or ".join(count(number) for number in sorted({number for number in images if number is not None}))
    return f"the {splits} split" + (f" of {numbers} images" if numbers else "")


def _seeds(setting: Setting) -> str:
    by_seeds: dict[str, list[str]] = {}
    for line in setting.lines:
        by_seeds.setdefault(", ".join(map(str, line.seeds)), []).append(line.label)
    if len(by_seeds) > 1:
        listed = "; ".join(f"{seeds} of {', '.join(labels)}" for seeds, labels in by_seeds.items())
        return f"mean ± standard deviation over seeds: {listed}"
    [seeds] = by_seeds
    if "," in seeds:
        return f"mean ± standard deviation over {seeds.count(',') + 1} seeds ({seeds})"
    return f"of one seed ({seeds}), so that no spread over seeds is known"


def _bold(setting: Setting, rankings: Sequence[Ranking]) -> str:
    if not any(ranking.bold for ranking in rankings):
        return "Nothing is in bold: there are no two to be ranked."
    has_one = any(len(cell.runs) == 1 for each in setting.sparsities for cell in setting.column(each))
    counting = ", of a single seed that of counting over its test images" if has_one else ""
    return f"Bold is the best of a column, and whatever lies within its standard deviation{counting}."


def _rounding(setting: Setting) -> str:
    asked = [
        run.passes for run in setting.runs if run.options.get("equal_passes") is not None and run.passes is not None
    ]
    if not asked or max(asked) - min(asked) < 1e-3 * max(asked) or max(asked) - min(asked) >= AN_EPOCH:
        return ""
    return " Where all were asked for the same passes they differ by less than an epoch of tuning, since it ends with a whole one."


def _apart(setting: Setting, rankings: Sequence[Ranking]) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for sparsity, ranking in zip(setting.sparsities, rankings, strict=True):
        for cell in setting.column(sparsity):
            if cell.label in ranking.apart:
                reasons.setdefault(ranking.apart[cell.label], []).append(cell.name)
    return [f"† Not ranked with the others: {', '.join(names)} ({reason})." for reason, names in reasons.items()]


def _emptied(cell: Cell) -> list[str]:
    emptied = {seed: run.result.emptied for seed, run in cell.runs.items() if run.result.emptied}
    if not emptied:
        return []
    seeds = f"seed{'s' if len(emptied) > 1 else ''} {', '.join(map(str, emptied))}"
    return [
        f"{cell.name} ({seeds}) has no weight left in {next(iter(emptied.values()))}: nothing of the picture passes through."
    ]


def _not_recorded(runs: Sequence[ComparedRun]) -> list[str]:
    missing = {
        "passes": sum(run.passes is None for run in runs),
        "number of test images": sum(run.images is None for run in runs),
        "digests of the images": sum(not run.data for run in runs),
    }
    told = {what: number for what, number in missing.items() if number}
    if not told:
        return []
    listed = ", ".join(f"{what} of {counted(number, 'run')}" for what, number in told.items())
    return [f"Not recorded, so that it is not known whether they are the same: {listed} of {len(runs)}."]


def _without_ends(found: Sequence[Interval]) -> list[str]:
    numbers: dict[str, int] = {}
    for interval in found:
        if interval.remark:
            numbers[interval.remark] = numbers.get(interval.remark, 0) + 1
    return [f"{counted(number, 'difference')} without an interval: {remark}" for remark, number in numbers.items()]


def _other_differences(setting: Setting) -> list[str]:
    """Returns a sentence on the options that differ beside what was to be compared; the labels of the lines have the values."""
    compared = dict.fromkeys(name for run in setting.runs for name in run.axes)
    others = {name: values for name, values in option_differences(setting.runs).items() if name not in compared}
    if not others:
        return []
    listed = "; ".join(f"{name} ({', '.join(map(shown, values))})" for name, values in others.items())
    return [f"These differ in more than {', '.join(compared)}: {listed}."]
