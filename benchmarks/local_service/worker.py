"""A worker of a service that is broken on purpose: the product's, on one device, with the benchmark's own child."""

import argparse
import logging
import signal
from pathlib import Path

from aiprod_server import database
from aiprod_server.clock import Clock
from aiprod_server.database import connect
from aiprod_server.monitoring import error_log
from aiprod_server.queue import leases
from aiprod_server.worker.slot import Terms
from aiprod_server.worker.worker import Worker


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database-url", required=True)
    parser.add_argument("--haste", type=float, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("program", nargs="+")
    asked = parser.parse_args()
    logging.basicConfig(filename=asked.log, level=logging.INFO, format="%(asctime)s %(process)d %(message)s")
    leases.LEASE_S /= asked.haste
    database.STALLED_S /= asked.haste
    leases.FIRST_BACKOFF_S /= asked.haste
    engine = connect(asked.database_url)
    clock = Clock(engine)
    worker = Worker(
        Terms(
            engine=engine,
            clock=clock,
            program=asked.program,
            price=lambda claim, device_s: round(1e6 * device_s),
            on_error=lambda *error: error_log.record(engine, *error, now_s=clock()),
            step_timeout_s=60.0,
        ),
        devices=("cpu",),
        drain_s=10.0,
    )
    signal.signal(signal.SIGTERM, lambda *_: worker.close())
    worker.run()


if __name__ == "__main__":
    main()
