"""Becomes a Python program that is asked to stop when the process that started it is gone; by itself, without our package.

    python tied.py PARENT ARGUMENT ...

It is what `subprocess` offers only by a function that is called between fork and exec, which is not safe beside threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Replaces this process."""
    parent, *arguments = sys.argv[1:]
    if sys.platform == "linux":  # elsewhere it goes on alone, and its folder is waited for
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != int(parent):
            sys.exit(128 + signal.SIGTERM)
    os.execv(sys.executable, [sys.executable, *arguments])


if __name__ == "__main__":
    main()
