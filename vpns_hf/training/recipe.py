"""The recipe a run leaves behind: every option as it took effect, to be given to `--config` again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from vpns_hf.hub.public_names import public_name

NAMES = ("model_name_or_path", "dataset_name")
# Say where and how one machine ran the job, nothing about its result.
OF_THE_MACHINE = (
    "output_dir",
    "overwrite_output_dir",
    "use_cpu",
    "timeout",
    "cache_dir",
    "cache_images",
    "data_on_device",
    "disable_tqdm",
    "with_tracking",
    "report_to",
    "resume_from_checkpoint",
    "check_ranks_every",
    "checkpointing_steps",
    "save_total_limit",
)


def write_recipe(path: Path, options: Mapping[str, Any]) -> None:
    """Writes options of `scripts/prune.py` as a YAML recipe; those that are None are left out."""
    given = {name: value for name, value in options.items() if value is not None}
    path.write_text(yaml.safe_dump(given, sort_keys=False, allow_unicode=True), encoding="utf-8")


def public_recipe(options: Mapping[str, Any], sparsity: float) -> dict[str, Any]:
    """Returns the options that concern the model of one sparsity; local paths lose the folders that lead to them."""
    shown = {name: value for name, value in options.items() if name not in OF_THE_MACHINE}
    names = {name: public_name(shown[name]) for name in NAMES if shown.get(name) is not None}
    return {**shown, **names, "sparsities": [sparsity]}
