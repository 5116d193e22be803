"""Publishing on the Hub: what a repository holds, and one tagged commit for each model of a run."""

from __future__ import annotations

from .contents import Additions, repository_files
from .publishing import Destination, Publication, check_access, publish
from .repositories import PlannedRepository, check_distinct, plan_repositories, publish_repositories

__all__ = [
    "Additions",
    "Destination",
    "PlannedRepository",
    "Publication",
    "check_access",
    "check_distinct",
    "plan_repositories",
    "publish",
    "publish_repositories",
    "repository_files",
]
