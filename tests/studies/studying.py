"""Cells, and folders of studies whose jobs only count."""

from __future__ import annotations

from pathlib import Path

from tests.studies import fake_job
from vpns_hf.studies import Agenda, Cell, Grid, StudyFolder, Watch, cells_of
from vpns_hf.studies.engines import LocalEngine

OPTIONS = {"model_name_or_path": "resnet-small", "dataset_name": "digits", "equal_passes": "auto"}
FAKE = (fake_job.__file__,)
COUNTED = "".join(map(str, range(fake_job.STEPS)))


def cells(options: dict[str, object] | None = None, threads: int = 1, **axes: list[object]) -> list[Cell]:
    """The cells of one grid; a sparsity is one number."""
    return cells_of([Grid({**OPTIONS, **(options or {})}, axes)], threads)


def cell(threads: int = 1, **options: object) -> Cell:
    """The one cell of these options."""
    [only] = cells(options, threads)
    return only


def counting(number: int) -> list[Cell]:
    """So many cells."""
    return cells({"method": "omp"}, seed=list(range(1, number + 1)))


def run(folder: Path, of: list[Cell], jobs: int = 2, timeout: float = 60.0) -> None:
    """Makes the cells, by jobs that only count."""
    study = StudyFolder(folder)
    LocalEngine(FAKE, 0.05, jobs).run(Agenda(of, study, Watch(timeout)))


def counted(folder: Path, of: list[Cell]) -> list[str | None]:
    """What the job of each cell has ended with."""
    files = [StudyFolder(folder).job(each) / "weights" for each in of]
    return [file.read_text() if file.exists() else None for file in files]


def starts(folder: Path, of: list[Cell]) -> list[int]:
    """How often the job of each cell was started."""
    files = [StudyFolder(folder).job(each) / "starts" for each in of]
    return [len(file.read_text().splitlines()) if file.exists() else 0 for file in files]
