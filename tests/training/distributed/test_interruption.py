"""Which signals count as a request to stop, by a clock that the test turns."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from accelerate import Accelerator

from tests.training_helpers import Clock
from vpns_hf.training.distributed import StopRequest


class Ended(Exception):
    """What the handlers of before do here."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stop(clock) -> Iterator[StopRequest]:
    """Within a program whose own handlers raise `Ended`."""

    def end(number: int, frame: object) -> None:
        raise Ended(number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    with StopRequest(Accelerator(cpu=True), grace=2.0, clock=clock) as stop:
        yield stop
    for number, handler in before.items():
        assert signal.getsignal(number) is end
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("after", [0.0, 0.001, 2.0])
def test_repeats_within_the_grace_are_one_request(stop, clock, number, after):
    assert stop.number() == 0
    signal.raise_signal(number)
    clock.now += after
    for _ in range(3):
        signal.raise_signal(number)
    assert stop.number() == number


def test_the_grace_is_counted_from_the_first(stop, clock):
    signal.raise_signal(signal.SIGTERM)
    clock.now += 1.5
    signal.raise_signal(signal.SIGTERM)
    clock.now += 1.5
    with pytest.raises(Ended):
        signal.raise_signal(signal.SIGTERM)


def test_each_kind_has_a_grace_of_its_own(stop, clock):
    signal.raise_signal(signal.SIGTERM)
    clock.now += 5
    signal.raise_signal(signal.SIGINT)
    assert stop.number() == signal.SIGINT
    clock.now += 5
    with pytest.raises(Ended):
        signal.raise_signal(signal.SIGINT)
