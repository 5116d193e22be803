"""Results of runs that nobody has made."""

from __future__ import annotations

from vpns_hf.reporting import RunResult, ViewAccuracy, sparsity_name


def run_result(asked: float, plain: float | None, prompted: float | None = None, **fields: object) -> RunResult:
    """A run of VPNs with seed 7 that reached the sparsity asked for, with its accuracies on the test split."""
    kept = round(1000 * (1 - asked))
    known = {
        **{"method": "vpns", "granularity": "weight", "seed": 7, "sparsity_requested": asked, "sparsity": asked},
        **{"accuracy": ViewAccuracy(prompted, plain), "top5": ViewAccuracy(), "split": "test"},
        **{"nonzero": kept, "total": 1000, "seconds": {}, "path": sparsity_name(asked)},
    }
    return RunResult(**{**known, **fields})
