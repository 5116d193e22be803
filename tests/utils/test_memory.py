"""Freed memory stays with the process, so that asking for it again faults no page in."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROBE = """
import resource, torch
from vpns_hf.utils.memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        torch.ones(12_500_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

returned = faults()
assert keep_freed_memory()
faults()
print(returned, faults())
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is the GNU C library's")
def test_page_faults_vanish():
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    returned, kept = map(int, done.stdout.split())
    assert kept < 0.5 * returned
