"""Why `datasets` could not read something, in one line."""

from __future__ import annotations

import re

from datasets.exceptions import DatasetGenerationError

# What is said in other words than those of the libraries, by what their message holds.
PLAIN_WORDS = {
    r"available configs: (\[.*\])": "it has several configurations: name one of {} with --dataset_config_name",
    r"while parsing a (\S+ \S+)": "the YAML of its README.md is broken in a {}",
    r"column names (don't match)": "its files have different columns: give all of them the same",
}


def reason_of(error: BaseException) -> str:
    """The root of an error in one line, with what can be done where that is known."""
    while isinstance(error, DatasetGenerationError) and error.__cause__ is not None:
        error = error.__cause__
    text = str(error).strip() or type(error).__name__
    for pattern, words in PLAIN_WORDS.items():
        if found := re.search(pattern, text):
            return words.format(found[1])
    return text.splitlines()[0]
