"""A cluster of two machines, which are processes here."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.studies.studying import COUNTED, FAKE, counted, counting, starts
from vpns_hf import InputError
from vpns_hf.studies import Agenda, StudyFolder, Watch
from vpns_hf.studies.engines import RayEngine


@pytest.fixture
def hold(tmp_path, monkeypatch) -> Path:
    """Keeps jobs at their first step as long as it is there."""
    monkeypatch.setenv("FAKE_HOLD", str(tmp_path / "hold"))
    (tmp_path / "hold").touch()
    return tmp_path / "hold"


@pytest.fixture
def cluster(hold) -> Iterator[object]:
    """One machine of one processor, to which another is added."""
    testing = pytest.importorskip("ray.cluster_utils")
    made = testing.Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    yield made
    made.shutdown()


def lives(process: int) -> bool:
    """Whether it runs; what is only waiting to be reaped has no command line."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes() != b""
    except FileNotFoundError:
        return False


@pytest.mark.slow
def test_a_machine_that_is_lost_loses_no_cell_and_none_is_made_twice(cluster, hold, tmp_path):
    cells, folder, faults = counting(3), StudyFolder(tmp_path), []

    def drive() -> None:
        try:
            RayEngine(FAKE, 0.05, address=cluster.address).run(Agenda(cells, folder, Watch(60)))
        except BaseException as fault:
            faults.append(fault)

    other = cluster.add_node(num_cpus=1)
    driver = threading.Thread(target=drive)
    driver.start()
    while len(list(tmp_path.glob("cells/*/checkpoints/steps"))) < 2 and driver.is_alive():
        driver.join(0.05)
    jobs = [int(file.read_text()) for file in tmp_path.glob("cells/*/starts")]
    assert len(jobs) == 2 and all(map(lives, jobs))
    cluster.remove_node(other, allow_graceful=False)
    while all(map(lives, jobs)) and driver.is_alive():
        driver.join(0.05)
    hold.unlink()
    driver.join()
    assert not faults
    assert counted(tmp_path, cells) == [COUNTED] * 3
    assert sorted(starts(tmp_path, cells)) == [1, 1, 2]
    ends = [folder.claims(cell).newest().record.ended for cell in cells]
    assert ends == ["done"] * 3


def test_without_ray_it_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r'not installed; pip install "vpns_hf\[cluster\]"$'):
        RayEngine(FAKE).run(Agenda(counting(1), StudyFolder(tmp_path), Watch()))
