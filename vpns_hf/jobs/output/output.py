"""What a run writes: checked before anything is computed, each folder written aside and put in place whole."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from transformers import ViTImageProcessorPil

from ...errors import InputError
from ...export import unit_processor
from ...hub import DENSE_FOLDER, EXAMPLES, MODEL_FILES
from ...models import VPNsConfig, VPNsForImageClassification
from ...reporting import PREDICTIONS
from ...utils.files import folder_in_place

REPORT_FILES = (
    "results.json",
    "results.md",
    PREDICTIONS,
    "recipe.yaml",
    "job.json",
    "plots/accuracy_against_sparsity.png",
    "plots/training_curves.png",
    "plots/density_by_layer_sparsity-*.png",
    "plots/prompt_sparsity-*.png",
    EXAMPLES,
)
MODEL_FOLDER = re.compile(r"sparsity-\d[\d.e-]*")
OF_PASSES = re.compile(r"\d[\d.e+-]*-passes")  # a folder in it
WEIGHTS = "model.safetensors"  # of a model folder


def writable_output_dir(output_dir: str | os.PathLike) -> Path:
    """Returns the folder results go to, whatever it holds.

    Raises:
        InputError: if it cannot be written to.
    """
    if not os.fspath(output_dir):
        raise InputError("output_dir is empty; give a folder, such as output")
    try:
        folder = Path(output_dir).expanduser()
        _try_to_write(folder)
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"output_dir {output_dir} cannot be written to ({reason}); give another folder") from error
    return folder


def refuse_results(folder: Path) -> None:
    """Raises InputError if a folder holds results of a run."""
    found = [path.relative_to(folder).as_posix() for path in _own_paths(folder)]
    if found:
        raise InputError(
            f"output_dir {folder} already holds {', '.join(found[:4])}{' and more' if len(found) > 4 else ''}; "
            "give another folder, more sparsities to add to a finished job, or --overwrite_output_dir to replace them"
        )


def refuse_foreign(folders: Iterable[Path]) -> None:
    """Raises InputError if something else than a model of an earlier run is where a model is to be saved."""
    for folder in folders:
        is_empty = folder.is_dir() and not any(folder.iterdir())
        if os.path.lexists(folder) and not is_empty and not _is_model_folder(folder):
            raise InputError(
                f"{folder} is no model of an earlier run, but one belongs there; move it away or give another --output_dir"
            )


def refuse_strange_files(folder: Path) -> None:
    """Raises InputError if a model folder of an earlier run, which is to be replaced, holds a file that no run writes."""
    for model in (path for path in _own_paths(folder) if path.is_dir() and not path.is_symlink()):
        for path in sorted(model.rglob("*")):
            if path.is_file() and not _is_model_file(path.relative_to(model)):
                raise InputError(
                    f"{path} is no file of a run, but its folder is to be replaced; move it away or give another --output_dir"
                )


def dense_folder(passes: float) -> str:
    """Returns the folder of the dense reference that took so many passes, relative to that of the job."""
    return f"{DENSE_FOLDER}/{passes:g}-passes"


def holds_dense_model(folder: Path, path: str) -> bool:
    """Returns whether a job has kept a dense reference at `path`, relative to its folder; that may be anybody's word."""
    place, _, name = path.partition("/")
    return place == DENSE_FOLDER and OF_PASSES.fullmatch(name) is not None and _is_model_folder(folder / path)


def make_folder(folder: Path) -> list[Path]:
    """Makes a folder; returns it and those above that were made, the deepest first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def remove_empty(folders: Iterable[Path]) -> None:
    """Removes those of the folders that hold nothing, in this order."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def clear_output_dir(folder: Path) -> None:
    """Removes the report and the model folders of an earlier run, and nothing else.

    It belongs right before the first result of a new run is written, so that a run that fails before leaves the old
    one whole. A folder that is not there or holds nothing of a run stays as it is.
    """
    for path in _own_paths(folder):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    remove_empty(folder / Path(pattern).parent for pattern in (*REPORT_FILES, f"{DENSE_FOLDER}/*") if "/" in pattern)


def _try_to_write(folder: Path) -> None:
    """Makes the folder's missing part below a temporary one: permission bits do not tell of /proc or long names."""
    existing = next(parent for parent in (folder, *folder.parents) if os.path.lexists(parent))
    with tempfile.TemporaryDirectory(dir=existing, prefix=".vpns-") as probe:
        (Path(probe) / folder.relative_to(existing)).mkdir(parents=True, exist_ok=True)


def _own_paths(folder: Path) -> list[Path]:
    """Returns what a run writes: the files of the report, and the model folders."""
    files = [path for pattern in REPORT_FILES for path in sorted(folder.glob(pattern)) if path.is_file()]
    models = [*sorted(folder.glob("sparsity-*")), *sorted(folder.glob(f"{DENSE_FOLDER}/*"))]
    return files + [path for path in models if _is_model_folder(path)]


def _is_model_file(path: Path) -> bool:
    """Returns whether a run writes a file of that name, below a model folder; hidden ones and caches belong to nobody."""
    if any(part.startswith((".", "__")) for part in path.parts):
        return True
    return any(len(path.parts) == len(Path(name).parts) and path.match(name) for name in MODEL_FILES)


def _is_model_folder(path: Path) -> bool:
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    is_ours = isinstance(config, dict) and config.get("model_type") == VPNsConfig.model_type
    pattern = OF_PASSES if path.parent.name == DENSE_FOLDER else MODEL_FOLDER
    return is_ours and pattern.fullmatch(path.name) is not None


def image_processor(model: VPNsForImageClassification) -> ViTImageProcessorPil:
    """Returns the stock processor that resizes to I x I and scales to [0, 1]; the model itself normalises."""
    return unit_processor(model.config.image_size)


def save_model(model: VPNsForImageClassification, folder: Path) -> None:
    """Writes model, modeling files and image processor to `folder`, which appears complete or not at all."""
    with folder_in_place(folder) as aside:
        model.save_pretrained(aside)
        image_processor(model).save_pretrained(aside)
        for weights in aside.glob("*.safetensors"):  # written for their owner alone; the other files follow the umask
            weights.chmod((aside / "config.json").stat().st_mode)
