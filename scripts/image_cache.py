"""List the decoded images that jobs keep, check that they are whole, and remove those that are not needed any more."""

from __future__ import annotations

import argparse
from pathlib import Path

from vpns_hf.data.cache import default_cache_dir
from vpns_hf.data.cache_contents import ALL, list_caches, remove_caches
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
    arguments = parser.parse_args()
    root = (arguments.cache_dir or default_cache_dir()).expanduser()
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


if __name__ == "__main__":
    run_script(main)
