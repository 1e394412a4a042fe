import os

from aiprod_pipelines.machine import this_machine, usable_cores


def test_the_machine_is_described() -> None:
    machine = this_machine()
    assert machine.isa
    assert machine.processor
    assert machine.memory_bytes > 500_000_000
    assert 1 <= machine.cores <= (os.cpu_count() or 1)
    assert machine.cores == usable_cores()
