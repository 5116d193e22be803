"""The pages that are written for readers, and what stands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
# Inline code that begins so is a command that is given in full.
COMMAND = re.compile(r"(python |accelerate launch .*)?scripts/\w+\.py \S|(python -m \S+|vpns [\w-]+|make|pytest) \S")
LOOP = re.compile(r"for (?P<name>\w+) in (?P<words>.*); do")
# What a shell puts in the place of a shipped recipe.
SHIPPED = re.compile(r"\$\(vpns config (\S+)\)")


@dataclass(frozen=True)
class Page:
    """A page in Markdown.

    Attributes:
        name: its path in the repository.
    """

    name: str

    @property
    def path(self) -> Path:
        return ROOT / self.name

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """The page without its blocks of code."""
        return FENCE.sub("", self.text)

    def blocks(self, language: str) -> list[str]:
        """The blocks of code in a language, in order."""
        return [code for name, code in FENCE.findall(self.text) if name == language]

    @property
    def commands(self) -> list[list[str]]:
        """The words of each command, of blocks and of inline code; comments are left out, shipped recipes are paths."""
        lines = "".join(self.blocks("bash")).replace("\\\n", " ").splitlines()
        inline = [code for code in re.findall(r"`([^`]+)`", self.prose) if COMMAND.match(code)]
        parts = [part for line in [*unrolled(lines), *inline] for part in line.split(" && ")]
        parts = [SHIPPED.sub(r"vpns_hf/recipes/\1.yaml", part) for part in parts]
        return [words for part in parts if (words := shlex.split(part, comments=True))]

    @property
    def links(self) -> list[str]:
        """The targets of links and pictures within the repository."""
        targets = re.findall(r"\]\(([^)\s]+)\)", self.prose)
        return [target for target in targets if not re.match(r"\w+:", target)]

    @property
    def anchors(self) -> set[str]:
        """What a link can name of the page: its headings, as GitHub writes them."""
        headings = re.findall(r"^#+ (.*)$", self.prose, re.M)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def unrolled(lines: list[str]) -> Iterator[str]:
    """Lines of a shell with each loop written out."""
    waiting = iter(lines)
    for line in waiting:
        loop = LOOP.fullmatch(line.strip())
        if loop is None:
            yield line
            continue
        body, depth = [], 1
        while depth:
            body.append(next(waiting))
            depth += bool(LOOP.fullmatch(body[-1].strip())) - (body[-1].strip() == "done")
        for word in loop["words"].split():
            yield from unrolled([inner.replace(f"${loop['name']}", word) for inner in body[:-1]])


DOCS = [Page(path.relative_to(ROOT).as_posix()) for path in sorted((ROOT / "docs").glob("*.md"))]
README, CONTRIBUTING, CHANGELOG = Page("README.md"), Page("CONTRIBUTING.md"), Page("CHANGELOG.md")
