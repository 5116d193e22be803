"""The pictures of a setting, written as PNG for a reader and PDF for a paper."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..numbers import short_percent
from ..plots import save_pdf, save_png
from .agreement import Agreement
from .lines import Setting
from .plots import COSTS, agreement_figure, cost_figure, density_figure, is_known, sparsity_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLOTS = "plots"
OWN = re.compile(r"(accuracy_against_[a-z]+|(density_by_layer|mask_agreement)_[\d.]+)\.(png|pdf)")


def write_pictures(setting: Setting, agreements: Sequence[Agreement], output_dir: Path, place: str) -> dict[str, str]:
    """Writes them, and returns {path of the PNG below `output_dir`: caption}.

    Args:
        setting: that they show.
        agreements: of its masks.
        output_dir: of the comparison.
        place: their folder in it.
    """
    pictures = {"Accuracy against sparsity": ("accuracy_against_sparsity", sparsity_figure(setting))}
    for name, cost in COSTS.items():
        if is_known(cost, setting):
            pictures[f"Accuracy against {name}"] = (f"accuracy_against_{name}", cost_figure(setting, cost))
    for sparsity in setting.sparsities:
        if sparsity and any(run.result.layers for cell in setting.column(sparsity) for run in cell.runs.values()):
            shown = short_percent(sparsity)
            pictures[f"Density by layer at {shown} sparsity"] = (
                f"density_by_layer_{shown[:-1]}",
                density_figure(setting, sparsity),
            )
    for agreement in agreements:
        shown = short_percent(agreement.sparsity)
        picture = agreement_figure(agreement, setting.title)
        pictures[f"Agreement of masks at {shown} sparsity"] = (f"mask_agreement_{shown[:-1]}", picture)
    return {_write(figure, output_dir, f"{place}/{name}"): caption for caption, (name, figure) in pictures.items()}


def remove_pictures(output_dir: Path) -> None:
    """Removes the pictures of an earlier comparison, and nothing else."""
    for path in sorted((output_dir / PLOTS).rglob("*")):
        if path.is_file() and OWN.fullmatch(path.name):
            path.unlink()


def _write(figure: Figure, output_dir: Path, name: str) -> str:
    save_png(figure, output_dir / f"{name}.png")
    figure.set_layout_engine("none")  # its places are found
    save_pdf(figure, output_dir / f"{name}.pdf")
    return f"{name}.png"
