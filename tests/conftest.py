"""What every test run gets: no network, caches that vanish with it, one thread per process, and cheap collections of garbage."""

from __future__ import annotations

import gc
import os
import tempfile

import pytest
from PIL import Image

gc.set_threshold(100_000, 50, 100)  # thousands of tests are gathered, and none of them is garbage

# The libraries read these when they are first imported: too early for a fixture. Processes that a test starts, and the
# workers of pytest-xdist, inherit them.
if "PYTEST_XDIST_WORKER" not in os.environ:
    _CACHES = tempfile.TemporaryDirectory(prefix="vpns_hf-tests-")
    os.environ["HF_HOME"] = os.path.join(_CACHES.name, "huggingface")
    os.environ["VPNS_CACHE"] = os.path.join(_CACHES.name, "vpns_hf")
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["OMP_NUM_THREADS"] = "1"  # the networks are small: more threads mostly wait for each other


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with tests that take long come first, so that no process ends long after the others."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True, scope="module")
def frozen_imports():
    """What was imported so far stays, and is not searched for garbage again at the end of every training stage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def blank_plots():
    """The plots of a job are written without what they show, the drawing of which takes a third of the time of a small job.

    Tests of plots, and programs that a test starts, draw them.
    """
    from matplotlib.figure import Figure

    def save(figure: Figure, path: str | os.PathLike[str], format: str, **how: object) -> None:
        Image.new("RGB", (1, 1)).save(path, format)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", save)
        yield


@pytest.fixture(autouse=True)
def fresh_accelerator():
    """Every test begins without what accelerate keeps for a whole process."""
    from tests.helpers import forget_accelerator  # not before the environment above is set

    forget_accelerator()
    yield
    forget_accelerator()
