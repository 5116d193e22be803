"""List the decoded images that jobs keep, check that they are whole, and remove those that are not needed any more."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vpns_hf.data.cache import default_cache_dir
from vpns_hf.data.cache_contents import ALL, list_caches, remove_caches
from vpns_hf.errors import InputError
from vpns_hf.reporting.markdown import markdown_table
from vpns_hf.reporting.numbers import megabytes
from vpns_hf.scripting import run_script

HEADER = ("Name", "Split", "Sizes", "On disk", "Last used", "State")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cache_dir", type=Path, help="Folder of the images; $VPNS_CACHE or ~/.cache/vpns_hf if not given."
    )
    parser.add_argument("--remove", nargs="+", default=[], metavar="NAME", help=f"Names of the list, or {ALL}.")
    parser.add_argument("--check", action="store_true", help="Exit with code 1 if any of them is not usable.")
    arguments = parser.parse_args()
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
        print(markdown_table(HEADER, rows, right=[False, False, False, True, False, False]))
    if arguments.check and not all(cache.usable for cache in caches):
        sys.exit(1)


def existing_folder(given: Path) -> Path:
    """Returns a folder that was named; only the default one may not be there yet."""
    folder = given.expanduser()
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise InputError(f"--cache_dir {given} {problem}; name the folder of an earlier --cache_dir, or leave it out")
    return folder


if __name__ == "__main__":
    run_script(main)
