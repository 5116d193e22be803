"""However a script ends, it leaves the other processes at once: their threads abort an orderly end now and then."""

from __future__ import annotations

import signal

import pytest

from tests.distributed.launching import ROOT, SCRIPTS, ended, free_port, is_open, start, start_ranks

pytestmark = pytest.mark.slow


def test_at_the_end_of_its_work():
    for process in start_ranks(SCRIPTS / "leaving.py", "finished"):
        assert ended(process) == (0, "begun\nconnected: False\n", "")


def test_one_sigterm_while_it_waits_for_the_others_to_join(tmp_path):
    port = free_port()
    joined = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
    process = start([ROOT / "scripts/prune.py", "--output_dir", tmp_path / "out"], **joined, RANK=0, LOCAL_RANK=0)
    try:
        while process.poll() is None and not is_open(port):  # it listens, and waits
            pass
        process.terminate()
        code, _, errors = ended(process, 60)
    finally:
        process.kill()
    assert (code, errors) == (-signal.SIGTERM, "")


def test_after_a_wrong_input_while_a_thread_waits_for_another_process():
    refused, other = start_ranks(SCRIPTS / "leaving.py", "refused")
    assert ended(refused, 60) == (2, "begun\n", "leaving.py: error: this is not allowed\n")
    code, _, errors = ended(other, 60)
    assert code == 1
    assert "process 1 stops: another process of this job is gone" in errors
