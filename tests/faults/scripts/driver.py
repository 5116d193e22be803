"""scripts/prune.py in a process that sends itself signals at the n-th update: `driver.py SIGNAL,SIGNAL N OPTIONS...`."""

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
    numbers, update = [signal.Signals[name] for name in sys.argv[1].split(",")], int(sys.argv[2])
    sys.argv[:3] = ["prune.py"]
    script = script_at("prune.py")

    def send() -> None:
        for number in numbers:
            os.kill(os.getpid(), number)

    def trainer(*args: object, **options: object) -> VPNsTrainer:
        return VPNsTrainer(*args, **options, callbacks=[At(update, send)])

    module.VPNsTrainer = trainer
    run_script(script.main)


if __name__ == "__main__":
    main()
