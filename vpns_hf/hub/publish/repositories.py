"""Publishing every model of a run, or the one that is chosen."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import InputError
from ...reporting import megabytes
from ..naming import fill_pattern
from ..run_folder import find_models
from .contents import AS_WRITTEN, Additions, repository_files
from .publishing import Destination, Publication, publish


@dataclass(frozen=True)
class PlannedRepository:
    """What is about to be published as `repo_id`: {path in the repository: file or content}."""

    repo_id: str
    files: dict[str, Path | bytes]

    def __str__(self) -> str:
        sizes = {path: _size(content) for path, content in sorted(self.files.items())}
        width = max(map(len, sizes))
        lines = [f"  {path:<{width}} {size:>13,} bytes" for path, size in sizes.items()]
        total = megabytes(sum(sizes.values()))
        return "\n".join([f"{self.repo_id}: {len(sizes)} files, {total}", *lines])


def plan_repositories(
    run_dir: str | os.PathLike[str], pattern: str, sparsity: float | None = None, additions: Additions = AS_WRITTEN
) -> list[PlannedRepository]:
    """Returns what publishing a run uploads; reads the folder only, and asks nothing of the Hub.

    Args:
        run_dir: the output folder of a run, or one of the model folders in it.
        pattern: a repository id, with names in braces where there are several models, such as
            `vpns/{arch}-{dataset}-{sparsity}`.
        sparsity: the requested sparsity to choose; None takes all.
        additions: what the cards say beside what was known when they were written.

    Raises:
        InputError: if there is no model, one lacks a file, or the ids are not valid or not distinct.
    """
    models = find_models(run_dir, sparsity)
    repo_ids = [fill_pattern(pattern, model.fields()) for model in models]
    check_distinct(repo_ids, [model.folder.name for model in models], pattern)
    return [
        PlannedRepository(repo_id, repository_files(model, repo_id, additions))
        for repo_id, model in zip(repo_ids, models, strict=True)
    ]


def publish_repositories(
    repositories: Sequence[PlannedRepository], destination: Destination, token: str | None = None
) -> Iterator[Publication]:
    """Publishes one after the other, each as `destination` with its own id; see `publish`."""
    for repository in repositories:
        yield publish(repository.files, replace(destination, repo_id=repository.repo_id), token)


def check_distinct(repo_ids: Sequence[str], models: Sequence[str], pattern: str) -> None:
    """Raises InputError if two models would go to the same repository."""
    if len(set(repo_ids)) < len(repo_ids):
        owner = pattern.partition("/")[0]
        raise InputError(
            f"{', '.join(models)} cannot all be published as {pattern}; choose one with --sparsity, "
            f"or give an id such as {owner}/{{arch}}-{{dataset}}-{{sparsity}}"
        )


def _size(content: Path | bytes) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size
