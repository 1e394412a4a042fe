import os

import pytest

from aiprod_core.errors import InputError
from aiprod_pipelines.host import usable_cores
from aiprod_pipelines.machine import PeakMemory, available_memory_bytes, check_device, this_machine


def test_the_machine_is_described() -> None:
    machine = this_machine()
    assert machine.isa
    assert machine.processor
    assert machine.memory_bytes > 500_000_000
    assert 1 <= machine.cores <= (os.cpu_count() or 1)
    assert machine.cores == usable_cores()


def test_what_is_free_is_less_than_there_is() -> None:
    assert 0 < available_memory_bytes() <= this_machine().memory_bytes


def test_a_device_is_one_that_is_here() -> None:
    check_device("cpu")
    for absent in ("cuda:99", "gpu", "CPU", ""):
        with pytest.raises(InputError, match=f"device: got {absent}, expected one that is here: cpu"):
            check_device(absent)


def test_a_peak_is_forgotten_when_it_was_asked_for() -> None:
    peak = PeakMemory()
    held = bytearray(2**28)
    held[:: 2**12] = b"\1" * 2**16
    del held
    high = peak.since_last_asked_bytes()
    assert high - peak.since_last_asked_bytes() > 2**27
