"""What a job reads and keeps: the commands `check-datasets` and `cache`."""

from __future__ import annotations

import sys
from pathlib import Path

from ..data.catalog import DATASETS
from ..errors import InputError
from ..reporting import markdown_table, megabytes
from .parsing import OneLineParser

CHECK = "Look whether the data sets with a short name are on the Hub as expected: reads one batch of each, downloads no more."
CACHE = (
    "List the decoded images that jobs keep, check that they are whole, and remove those that are not needed any more."
)
CHECKED = ("Name", "Hub id", "Columns", "Splits", "Classes", "Batch", "Result")
CACHED = ("Name", "Split", "Sizes", "On disk", "Last used", "State")


def check() -> None:
    """Looks at the data sets that the command line names."""
    parser = OneLineParser(description=CHECK)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"All if none is given: {', '.join(DATASETS)}.")
    names = parser.parse_args().names
    # What needs `datasets` is imported now, so that the help comes without it.
    from ..data.sources import OK, check_datasets

    checks = check_datasets(names)
    rows = [(c.name, c.path, c.columns, c.splits, c.classes, c.batch, c.result) for c in checks]
    print(markdown_table(CHECKED, rows, right=[False] * len(CHECKED)))
    if any(check.result != OK for check in checks):
        sys.exit(1)


def cache() -> None:
    """Lists, checks and removes decoded images as the command line says."""
    parser = OneLineParser(description=CACHE)
    parser.add_argument(
        "--cache_dir", type=Path, help="Folder of the images; $VPNS_CACHE or ~/.cache/vpns_hf if not given."
    )
    parser.add_argument("--remove", nargs="+", default=[], metavar="NAME", help="Names of the list, or all.")
    parser.add_argument("--check", action="store_true", help="Exit with code 1 if any of them is not usable.")
    arguments = parser.parse_args()
    from ..data.store import default_cache_dir, list_caches, remove_caches

    root = existing_folder(arguments.cache_dir) if arguments.cache_dir else default_cache_dir()
    for folder in remove_caches(root, arguments.remove):
        print(f"Removed {folder}")
    caches = list_caches(root)
    rows = [
        (c.folder.name, c.split or "-", ", ".join(c.layouts) or "-", megabytes(c.size), str(c.used), c.state)
        for c in caches
    ]
    print(f"{root} holds {megabytes(sum(cache.size for cache in caches))} of decoded images.")
    if rows:
        print(markdown_table(CACHED, rows, right=[False, False, False, True, False, False]))
    if arguments.check and not all(cache.usable for cache in caches):
        sys.exit(1)


def existing_folder(given: Path) -> Path:
    """Returns a folder that was named; only the default one may not be there yet."""
    folder = given.expanduser()
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise InputError(f"--cache_dir {given} {problem}; name the folder of an earlier --cache_dir, or leave it out")
    return folder
