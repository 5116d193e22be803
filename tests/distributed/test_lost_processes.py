"""When one process is killed or falls silent, the other ends within the timeout and says why in one line."""

from __future__ import annotations

import signal

import pytest

from tests.distributed.launching import SCRIPTS, ended, start_ranks

pytestmark = pytest.mark.slow
TIMEOUT = 10


@pytest.mark.parametrize(
    ("sent", "reasons"),
    [
        ("SIGKILL", ("Connection reset", "Connection closed")),
        ("SIGSTOP", (f"Timed out waiting {TIMEOUT}000ms", "Application timeout")),
    ],
)
def test_the_other_process_ends_with_the_reason(tmp_path, sent, reasons):
    left, lost = start_ranks(SCRIPTS / "lost.py", tmp_path, 1, 3, sent, TIMEOUT)
    try:
        code, _, err = ended(left)
    finally:
        lost.send_signal(signal.SIGCONT)
        lost.kill()
        lost.communicate()
    assert code == 1, err
    [line] = [line for line in err.splitlines() if line.startswith("lost.py: error: ")] or [err]
    assert "process 0 stops: another process of this job is gone or gave no answer in time" in line
    assert any(reason in line for reason in reasons), line
    assert "Traceback" not in err
