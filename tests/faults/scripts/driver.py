"""scripts/prune.py in a process that sends itself a signal at the n-th update: `driver.py SIGNAL N OPTIONS...`."""

from __future__ import annotations

import os
import signal
import sys

from tests.faults.interrupted import At
from tests.scripts.running import script_at
from vpns_hf import VPNsTrainer
from vpns_hf.cli.script import run_script
from vpns_hf.jobs import trainer as module


def main() -> None:
    number, update = signal.Signals[sys.argv[1]], int(sys.argv[2])
    sys.argv[:3] = ["prune.py"]
    script = script_at("prune.py")

    class Signalled(VPNsTrainer):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options, callbacks=[At(update, lambda: os.kill(os.getpid(), number))])

    module.VPNsTrainer = Signalled
    run_script(script.main)


if __name__ == "__main__":
    main()
