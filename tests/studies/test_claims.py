from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from vpns_hf import InputError
from vpns_hf.studies import Claims, Record, Watch

SLOW = 1000.0  # seconds between two heartbeats, so that there are none
ELSEWHERE = Record("elsewhere 1", "another kernel", "2026-01-01T00:00:00+00:00")


@pytest.fixture
def claims(tmp_path) -> Claims:
    return Claims(tmp_path / "cell")


def written(claims: Claims, number: int, record: Record) -> None:
    claims.folder.mkdir(exist_ok=True)
    claims.path(number).write_text(json.dumps(asdict(record)))


def test_one_has_it_until_it_ends(claims):
    assert claims.newest().number == 0
    claim = claims.take(0, SLOW)
    assert claims.newest().is_open
    assert Claims(claims.folder).take(0, SLOW) is None
    assert Claims(claims.folder).take(1, SLOW) is None, "its owner lives"
    claim.end("failed", "for a reason")
    found = claims.newest()
    assert (found.number, found.record.ended, found.record.reason) == (1, "failed", "for a reason")
    assert claims.take(0, SLOW) is None, "somebody has had it since"
    claims.take(1, SLOW).end("done")
    assert claims.newest().number == 2


def test_who_lost_it_does_not_write_any_more(claims):
    claim = claims.take(0, beat=0.01)
    written(claims, 2, ELSEWHERE)
    assert claim.lost.wait(60)
    claim.end("done")
    assert claims.newest().record == ELSEWHERE
    assert Claims(claims.folder).newest().number == 2


def test_the_heartbeat_is_seen(claims):
    claim = claims.take(0, beat=0.01)
    while claims.newest().record is None or claims.newest().record.beats < 2:
        pass
    claim.end("done")
    assert claims.newest().record.ended == "done"


def test_an_owner_elsewhere_is_gone_when_its_heartbeat_has_stopped_for_so_long(claims):
    now = [0.0]
    watch = Watch(60, clock=lambda: now[0])
    written(claims, 1, ELSEWHERE)
    stale = []
    for seconds, beats in ((0, 0), (59, 0), (61, 1), (120, 1), (121, 1)):
        now[0] = seconds
        written(claims, 1, replace(ELSEWHERE, beats=beats))
        stale.append(watch.is_stale(claims, claims.newest()))
    assert stale == [False, False, False, False, True]


def test_an_owner_on_this_machine_is_gone_when_it_holds_no_lock(claims):
    claim = claims.take(0, SLOW)
    found = claims.newest()
    assert not Watch().is_stale(claims, found)
    claim.end("stopped")
    written(claims, 1, Record.new())  # as it would be after SIGKILL
    assert claims.newest().is_open
    assert Watch().is_stale(claims, claims.newest()) == bool(Record.new().kernel)


def test_a_claim_that_is_being_written_counts(claims):
    claims.folder.mkdir()
    claims.path(1).touch()
    assert claims.newest().is_open
    assert not Watch().is_stale(claims, claims.newest())


def test_a_disk_that_refuses(claims, monkeypatch):
    monkeypatch.setattr(Path, "mkdir", lambda *args, **options: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(InputError, match="No space left"):
        claims.take(0, SLOW)
