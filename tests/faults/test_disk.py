"""A disk that is full, or refuses: the job stops in one line, and goes on when there is room again."""

from __future__ import annotations

import errno
import os
import subprocess
from itertools import count
from pathlib import Path

import pytest

from tests.faults.interrupted import At, job, weights
from tests.helpers import refusal
from vpns_hf.errors import InputError
from vpns_hf.jobs.output import output
from vpns_hf.jobs.resume import Checkpoints, checkpoints

pytestmark = pytest.mark.slow  # whole jobs

SIZE = 4 << 20


@pytest.fixture
def small_disk(tmp_path) -> Path:
    """A file system of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> None:
    with open(folder / "ballast", "wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC


@pytest.mark.parametrize("update", [1, 9, 17])
def test_a_disk_that_fills_up(small_disk, tmp_path, expected, update):
    out = str(small_disk / "out")
    line = refusal(job(tmp_path, At(update, lambda: fill(small_disk)), output_dir=out).train)
    assert "No space left on device" in line
    latest = Checkpoints(small_disk / "out" / "checkpoints").latest()
    assert (latest is None) == (update == 1 and not list(small_disk.glob("out/checkpoints/checkpoint-*")))
    assert not list(small_disk.glob("out/**/.*partial"))
    (small_disk / "ballast").unlink()
    job(tmp_path, output_dir=out).train()
    assert weights(small_disk) == expected


@pytest.mark.parametrize(
    ("module", "call", "number"),
    [*((os, call, number) for call in ("fsync", "replace") for number in (1, 4, 11)), (output, "image_processor", 1)],
)
def test_a_call_that_fails(tmp_path, expected, monkeypatch, module, call, number):
    """Whatever is being written then, the job ends in one line, and the same command ends it well."""
    real, calls = getattr(module, call), count(1)

    def fails_once(*args: object, **options: object) -> object:
        if next(calls) == number:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(module, call, fails_once)
        assert "Input/output error" in refusal(job(tmp_path).train)
    job(tmp_path).train()
    assert weights(tmp_path) == expected


def test_a_write_that_fails_within_native_code(tmp_path, monkeypatch):
    store = Checkpoints(tmp_path)
    store.write({"shared": {"a": 1}})

    class Full:
        def __init__(self, file) -> None:
            self.file, self.left = file, 3

        def write(self, data) -> int:
            self.left -= 1
            if self.left == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return self.file.write(data)

    hashed = checkpoints.Hashed
    monkeypatch.setattr(checkpoints, "Hashed", lambda file: hashed(Full(file)))
    with pytest.raises(InputError, match="No space left on device"):
        store.write({"shared": {"a": 2}})
    assert store.latest().read("shared") == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-000001"]
