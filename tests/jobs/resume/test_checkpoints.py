"""A checkpoint is complete and as it was written, or it is passed over; the ones before it stay."""

from __future__ import annotations

import errno
import os
import random
import shutil
from pathlib import Path

import pytest
import torch

from vpns_hf.errors import InputError
from vpns_hf.jobs.resume import Checkpoints, checkpoints


def states(number: int) -> dict:
    generator = torch.Generator().manual_seed(number)
    shared = {
        "weights": {"a": torch.randn(3, 4, generator=generator)},
        "epoch": number,
        "names": ["x", "y"],
        "best": None,
    }
    return {"shared": shared, "process-0": {"generator": generator.get_state()}}


def same(read: dict, number: int) -> bool:
    written = states(number)["shared"]
    plain = ("epoch", "names", "best")
    return torch.equal(read["weights"]["a"], written["weights"]["a"]) and all(read[k] == written[k] for k in plain)


@pytest.fixture
def store(tmp_path) -> Checkpoints:
    store = Checkpoints(tmp_path / "checkpoints", limit=2)
    store.write(states(1))
    store.write(states(2))
    return store


def test_the_newest_comes_back_with_all_its_states(store):
    latest = store.latest()
    assert latest.number == 2
    assert same(latest.read("shared"), 2)
    assert torch.equal(latest.read("process-0")["generator"], states(2)["process-0"]["generator"])


def test_only_as_many_as_asked_for_are_kept(store):
    store.write(states(3))
    assert sorted(path.name for path in store.folder.iterdir()) == ["checkpoint-000002", "checkpoint-000003"]


def test_what_somebody_else_put_under_the_name_of_a_checkpoint_stays(store):
    (store.folder / "checkpoint-000003").mkdir()
    (store.folder / "checkpoint-000003" / "photo.jpg").write_text("mine")
    (store.folder / "checkpoint-000005").write_text("mine too")
    assert store.latest().number == 2
    store.write(states(6))
    assert store.latest().folder.name == "checkpoint-000006"
    store.clear()
    left = sorted(str(path.relative_to(store.folder)) for path in store.folder.rglob("*") if path.is_file())
    assert left == ["checkpoint-000003/photo.jpg", "checkpoint-000005"]


def test_damaged_ones_are_named_in_one_line_with_what_is_used(store, caplog):
    (store.folder / "checkpoint-000002" / "shared.pt").write_bytes(b"")
    assert store.latest().number == 1
    [line] = [record.message for record in caplog.records]
    assert line.startswith(f"damaged checkpoint: {store.folder / 'checkpoint-000002'} (shared.pt ")
    assert line.endswith("; using checkpoint-000001")
    (store.folder / "checkpoint-000001" / "manifest.json").unlink()
    assert store.latest() is None
    line = caplog.records[-1].message
    assert "checkpoint-000002 (shared.pt" in line
    assert "checkpoint-000001 (manifest.json cannot be read" in line
    assert line.endswith("; no other is there, so the job starts anew")


def test_nothing_was_written_yet(tmp_path):
    assert Checkpoints(tmp_path / "none").latest() is None
    assert not (tmp_path / "none").exists()


def test_clearing_leaves_what_is_not_ours(store, tmp_path):
    (store.folder / ".checkpoint-000003.partial").mkdir()
    (store.folder / "notes.txt").write_text("mine")
    store.clear()
    assert [path.name for path in store.folder.iterdir()] == ["notes.txt"]
    (store.folder / "notes.txt").unlink()
    store.clear()
    assert not store.folder.exists()


@pytest.mark.slow
def test_torn_at_every_length(store, caplog):
    """Whatever file is cut off wherever, the checkpoint before is used, and one line says so."""
    newest = store.folder / "checkpoint-000002"
    for file in sorted(newest.iterdir()):
        whole = file.read_bytes()
        for length in range(len(whole)):
            file.write_bytes(whole[:length])
            caplog.clear()
            assert store.latest().number == 1, (file.name, length)
            assert len(caplog.records) == 1
            assert "\n" not in caplog.text.strip()
        file.write_bytes(whole)
    assert store.latest().number == 2


def test_flipped_bits_are_noticed(store):
    """A flip is refused, or, within the manifest, harmless."""
    generator = random.Random(0)
    newest = store.folder / "checkpoint-000002"
    for file in sorted(newest.iterdir()):
        whole = file.read_bytes()
        for _ in range(60):
            flipped = bytearray(whole)
            flipped[generator.randrange(len(whole))] ^= 1 << generator.randrange(8)
            file.write_bytes(flipped)
            found = store.latest()
            assert found.number == 1 or (file.name == checkpoints.MANIFEST and same(found.read("shared"), 2))
        file.write_bytes(whole)


def test_a_missing_file_is_noticed(store, caplog):
    (store.folder / "checkpoint-000002" / "process-0.pt").unlink()
    assert store.latest().number == 1
    assert "process-0.pt cannot be read" in caplog.text


def test_a_manifest_cannot_name_files_elsewhere(store, tmp_path):
    newest = store.folder / "checkpoint-000002"
    shutil.copy(newest / "shared.pt", tmp_path / "stolen.pt")
    text = (newest / checkpoints.MANIFEST).read_text()
    (newest / checkpoints.MANIFEST).write_text(text.replace("shared.pt", "../../stolen.pt"))
    assert store.latest().number == 1


@pytest.mark.parametrize("call", ["fsync", "replace", "open"])
def test_a_disk_that_refuses_leaves_the_earlier_ones(store, monkeypatch, call):
    """Every call of a kind fails in turn, from the first to the last one of a write."""

    def full(*args, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    places = {"fsync": (os, "fsync"), "replace": (os, "replace"), "open": (checkpoints, "open")}
    module, name = places[call]
    real = getattr(module, name, open)
    failures = 0
    for allowed in range(20):
        remaining = [allowed]

        def sometimes(*args, remaining=remaining, **options):
            remaining[0] -= 1
            return real(*args, **options) if remaining[0] >= 0 else full()

        monkeypatch.setattr(module, name, sometimes, raising=False)
        try:
            store.write(states(3))
        except InputError as error:
            failures += 1
            assert "No space left on device" in str(error)
            monkeypatch.undo()
            assert store.latest().number in (2, 3)  # 3 where only the sync after the rename failed
            assert not list(store.folder.glob(".*"))
            shutil.rmtree(store.folder / "checkpoint-000003", ignore_errors=True)
        else:
            break
    monkeypatch.undo()
    assert failures >= 1
    assert store.latest().number == 3


def test_what_an_interrupted_write_left_is_replaced(store):
    left = store.folder / ".checkpoint-000003.partial"
    left.mkdir()
    (left / "shared.pt").write_bytes(b"half")
    assert store.latest().number == 2
    store.write(states(3))
    assert same(store.latest().read("shared"), 3)
    assert not left.exists()


def test_code_in_a_checkpoint_is_not_run(store):
    """Only tensors and plain values are read, whatever the checksum says."""

    class Hostile:
        def __reduce__(self):
            return Path.touch, (store.folder / "owned",)

    torch.save({"epoch": Hostile()}, store.folder / "evil.pt")
    store.write(states(3))
    shutil.copy(store.folder / "evil.pt", store.folder / "checkpoint-000003" / "shared.pt")
    with pytest.raises(Exception, match="weights_only"):
        checkpoints.Checkpoint(store.folder / "checkpoint-000003", {}).read("shared")
    assert not (store.folder / "owned").exists()
