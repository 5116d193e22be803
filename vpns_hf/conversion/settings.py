"""The args.json that the released code writes beside its checkpoints, and what it says of one of them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..models import VISUAL_PROMPTS
from .prompts import NOTHING_KNOWN, PromptFacts

NAME = "args.json"
CHECKPOINT = re.compile(r"(\d+)(?:best|prune)\.pth")  # the number is a position in density_list, of which 0 is not run
EXTENTS = {"pad": "pad_size", "fix": "mask_size", "random": "mask_size"}


@dataclass(frozen=True)
class RecordedSettings:
    """Settings of a run.

    Attributes:
        densities: that of the checkpoint, if its name or a single density tells; else all below 1 that were asked for;
            empty if none is recorded.
        prompt: what is said of the prompt.
    """

    densities: tuple[float, ...] = ()
    prompt: PromptFacts = NOTHING_KNOWN

    @classmethod
    def beside(cls, checkpoint: Path) -> RecordedSettings:
        """Reads the settings beside a checkpoint, if there are any.

        Raises:
            InputError: if they cannot be read.
        """
        path = checkpoint.parent / NAME
        if not path.is_file():
            return cls()
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            return cls(_densities(fields, checkpoint.name), _prompt(fields))
        except (OSError, ValueError, TypeError, AttributeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{NAME} beside it cannot be read ({reason}); correct it or remove it") from error

    def choose_density(self, given: float | None) -> float:
        """Returns the density of the checkpoint: the one given, or the only one recorded.

        Raises:
            InputError: if neither tells, or the one given is outside (0, 1] or another than those recorded.
        """
        listed = ", ".join(f"{density:g}" for density in self.densities)
        if given is None and len(self.densities) != 1:
            choice = f", one of {listed} as {NAME} says" if listed else ""
            raise InputError(f"the checkpoint does not hold its density; give --density, in (0, 1]{choice}")
        density = self.densities[0] if given is None else given
        if not 0 < density <= 1:
            raise InputError(f"density is {density:g}; it must be in (0, 1]: the fraction of weights kept")
        if self.densities and density not in self.densities:
            raise InputError(
                f"density is {density:g}, but {NAME} beside it says {listed}; give what it says, "
                f"or move the checkpoint away from it if they do not belong together"
            )
        return density

    def choose_prompt(self, given: PromptFacts) -> PromptFacts:
        """Returns what is known of the prompt.

        Raises:
            InputError: if something given contradicts what is recorded.
        """
        given.check(self.prompt, f"{NAME} beside it says; leave the option out, or correct the file")
        return given.or_else(self.prompt)


def _densities(fields: dict[str, Any], name: str) -> tuple[float, ...]:
    listed = fields.get("density_list") or []
    if not isinstance(listed, list) or any(type(density) not in (int, float) for density in listed):
        raise ValueError(f"density_list is {listed!r}, not a list of numbers")
    listed = [float(density) for density in listed]
    match = CHECKPOINT.fullmatch(name)
    position = int(match[1]) if match else 0
    if 0 < position < len(listed):
        return (listed[position],)
    return tuple(dict.fromkeys(density for density in listed if density < 1))


def _prompt(fields: dict[str, Any]) -> PromptFacts:
    is_recorded = "prompt_method" in fields
    kind = (fields["prompt_method"] or "none") if is_recorded else None
    if kind is not None and kind not in VISUAL_PROMPTS:
        raise ValueError(f"prompt_method is {kind!r}; allowed: {', '.join(VISUAL_PROMPTS)}")
    return PromptFacts(
        visual_prompt=kind,
        prompt_size=_integer(fields, EXTENTS.get(kind, "")),
        image_size=_integer(fields, "input_size"),
        output_size=None if kind == "none" else _integer(fields, "output_size"),
    )


def _integer(fields: dict[str, Any], name: str) -> int | None:
    value = fields.get(name)
    if value is not None and type(value) is not int:
        raise ValueError(f"{name} is {value!r}, not an integer")
    return value
