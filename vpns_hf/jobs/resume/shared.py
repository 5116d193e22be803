"""Parts of jobs that no method has a part in, the pre-training and the dense references: made once for all jobs that need the same."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ...utils.files import one_line_refusals, write_file

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SharedPart:
    """What came of a part.

    Attributes:
        result: plain values.
        weights: of the network.
    """

    result: Mapping[str, Any]
    weights: Mapping[str, Tensor]


class SharedParts:
    """A folder of such parts, each a file named by what it is made from.

    Where jobs need the same part at the same time one makes it and the others wait. On a disk without locks each makes
    it, to the same bits.

    Args:
        folder: is made when the first part is kept.
        look_up: called every second while it waits; raises to stop waiting.
    """

    def __init__(self, folder: Path, look_up: Callable[[], None] = lambda: None) -> None:
        self._folder, self._look_up = folder, look_up

    def made(self, identity: Mapping[str, Any], make: Callable[[], SharedPart]) -> SharedPart:
        """Returns the part of that identity, made now if nobody has made it yet.

        Args:
            identity: plain values: everything that has a part in its bits.
            make: makes it.

        Raises:
            InputError: if the disk refuses.
        """
        written = json.dumps(identity, sort_keys=True)
        path = self._folder / f"{hashlib.sha256(written.encode()).hexdigest()[:16]}.safetensors"
        with one_line_refusals(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        with self._alone(path.with_suffix(".lock")):
            found = _read(path)
            if found is None:
                found = make()
                about = {"identity": written, "result": json.dumps(found.result)}
                weights = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in found.weights.items()}
                with one_line_refusals(self._folder):
                    write_file(path, save(weights, about))
        return found

    @contextmanager
    def _alone(self, path: Path) -> Iterator[None]:
        lock = FileLock(path)
        while not lock.is_locked:
            try:
                lock.acquire(timeout=1)
            except Timeout:
                self._look_up()
            except NotImplementedError:
                break
        try:
            yield
        finally:
            lock.release()


def _read(path: Path) -> SharedPart | None:
    try:
        with safe_open(path, "pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
            return SharedPart(json.loads(file.metadata()["result"]), weights)
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        logger.warning("%s cannot be read (%s) and is made anew", path, error)
        return None
