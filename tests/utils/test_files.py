"""A folder or a file is what it was, or what was written, and nothing in between."""

from __future__ import annotations

import errno
import os

import pytest

from vpns_hf.utils.files import aside_of, folder_in_place, write_file


def write_folder(place, content: str) -> None:
    with folder_in_place(place) as aside:
        (aside / "below").mkdir()
        (aside / "below" / "text").write_text(content)


def write_one(place, content: str) -> None:
    place.parent.mkdir(exist_ok=True)
    write_file(place, content)


def content_of(place) -> str:
    return (place / "below" / "text" if place.is_dir() else place).read_text()


@pytest.mark.parametrize("write", [write_folder, write_one])
def test_the_new_is_put_in_the_place_of_the_old(tmp_path, write):
    place = tmp_path / "made" / "place"
    for content in ("old", "new"):
        write(place, content)
        assert content_of(place) == content
    assert list(place.parent.iterdir()) == [place]


@pytest.mark.parametrize("write", [write_folder, write_one])
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_refuses_leaves_the_old_or_the_new(tmp_path, monkeypatch, write, call):
    """Every call of a kind fails in turn, from the first to the last."""
    place, real, failures = tmp_path / "place", getattr(os, call), 0
    for allowed in range(20):
        write(place, "old")
        left = [allowed]

        def sometimes(*args, left=left):
            left[0] -= 1
            if left[0] == -1:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*args)

        with monkeypatch.context() as patch:
            patch.setattr(os, call, sometimes)
            try:
                write(place, "new")
                break
            except OSError:
                failures += 1
        assert content_of(place) == "old" or (call == "fsync" and left[0] == -1)
        assert list(tmp_path.iterdir()) == [place]
    assert content_of(place) == "new"
    assert (
        failures == {"fsync": {write_one: 2, write_folder: 4}, "replace": {write_one: 1, write_folder: 2}}[call][write]
    )


def test_everything_is_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    done, sync, replace = [], os.fsync, os.replace

    def noted_sync(descriptor):
        done.append(os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), tmp_path))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "replace", lambda *paths: done.append("rename") or replace(*paths))
    write_folder(tmp_path / "place", "new")
    aside = aside_of(tmp_path / "place").name
    assert sorted(done[:3]) == [aside, f"{aside}/below", f"{aside}/below/text"]
    assert done[3:] == ["rename", "."]


def test_what_a_killed_process_left_is_removed_but_not_what_a_link_leads_to(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "mine").touch()
    aside = aside_of(tmp_path / "place")
    aside.symlink_to(tmp_path / "precious")
    write_folder(tmp_path / "place", "new")
    aside.mkdir()
    (aside / "torn").touch()
    write_folder(tmp_path / "place", "newer")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["below", "mine", "place", "precious", "text"]
