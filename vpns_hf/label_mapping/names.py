"""Classes by their names: those of a backbone, the sources, and those of the data, the targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def are_unnamed(names: Sequence[str]) -> bool:
    """Returns whether the classes have no names of their own but those of transformers, LABEL_0, LABEL_1 and so on."""
    return all(name == f"LABEL_{index}" for index, name in enumerate(names))


def comparable(*sides: Sequence[str]) -> list[list[str]]:
    """Returns the names of each side as they are compared: without case, unless some differ in nothing else."""
    folded = [[name.casefold() for name in names] for names in sides]
    differ = any(len(set(names)) != len(set(side)) for names, side in zip(folded, sides, strict=True))
    return [list(names) for names in sides] if differ else folded


def have_same_names(source: Sequence[str], target: Sequence[str]) -> bool:
    """Returns whether both have the same names, each once, in whatever order."""
    source, target = comparable(source, target)
    return sorted(source) == sorted(target) and len(set(target)) == len(target)


def namesakes(source: Sequence[str], target: Sequence[str]) -> dict[int, int]:
    """Returns {target class: source class} where exactly one source class has the name of the target class."""
    source, target = comparable(source, target)
    once = {name for name, count in Counter(source).items() if count == 1}
    index_of = {name: index for index, name in enumerate(source) if name in once}
    return {index: index_of[name] for index, name in enumerate(target) if name in index_of}
