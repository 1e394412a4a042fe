"""A machine without a driver has no devices, rather than idle ones; those of workers are known while they are seen."""

import pytest
import sqlalchemy as sa

from aiprod_server.monitoring.gpu import Gpu, of_this_machine, of_workers, report
from aiprod_server.queue import workers

A, B = Gpu(index=0, name="first", utilisation=0.5, memory_used_bytes=2**33), Gpu(index=1, name="second")


def _driver() -> bool:
    return bool(of_this_machine())


@pytest.mark.gpu
@pytest.mark.skipif(not _driver(), reason="no NVIDIA driver on this machine")
def test_a_device_is_measured() -> None:
    first = of_this_machine()[0]
    assert first.name
    assert first.utilisation is not None
    assert 0 <= first.utilisation <= 1
    assert first.memory_used_bytes is not None
    assert first.memory_total_bytes is not None
    assert 0 < first.memory_used_bytes <= first.memory_total_bytes
    assert first.temperature_c is not None
    assert 0 < first.temperature_c < 120


@pytest.mark.skipif(_driver(), reason="this machine has a device")
def test_without_a_driver_there_are_none() -> None:
    assert of_this_machine() == ()


def test_devices_of_other_machines_are_what_their_workers_wrote(engine: sa.Engine) -> None:
    for name, machine in (("w1", "one"), ("w2", "two"), ("w3", "three")):
        workers.appear(engine, name, machine, "cuda:0", now_s=1000.0)
    report(engine, "w1", [A, B])
    report(engine, "w2", [])
    assert of_workers(engine, now_s=1030.0) == {"one": (A, B)}
    assert of_workers(engine, now_s=1061.0) == {}
    assert [worker.name for worker in workers.present(engine, 1030.0)] == ["w1", "w3", "w2"]
