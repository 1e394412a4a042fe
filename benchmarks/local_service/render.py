"""The child of a worker that is killed: three steps a job, each some real work and a file; each start is counted.

The work is a hash of many rounds, which is a few tens of milliseconds of a core; its bytes follow from the job and the
step, as a render's follow from its request. A step that the order knows and whose file is there is not made again.
"""

import hashlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from aiprod_server.storage import Storage
from aiprod_server.worker.child import Order, Say, serve

STEPS = ("render", "check", "thumbnail")
FILE_BYTES = 1 << 15
MEDIA_TYPE = "application/octet-stream"


def main(storage: Storage, counts: Path, rounds: int) -> None:
    count = os.open(counts, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def handle(orders: Sequence[Order], say: Say) -> None:
        for order in orders:
            began_s = time.perf_counter()
            files = {}
            for number, step in enumerate(STEPS):
                known = order.steps.get(step)
                if known is None or not storage.verified(order.job_id, step, known):
                    os.write(count, f"{order.job_id} {step}\n".encode())
                    stored = storage.write(order.job_id, step, made(order, step, rounds), attempt=order.attempt)
                    known = stored.sha256
                    say.step(order.job_id, step, known, time.perf_counter() - began_s)
                files[step] = {"name": step, "sha256": known, "size_bytes": FILE_BYTES, "media_type": MEDIA_TYPE}
                say.progress(order.job_id, step, number + 1, len(STEPS), (number + 1) / len(STEPS))
            say.done(order.job_id, {"files": files}, time.perf_counter() - began_s)

    serve(handle)


def made(order: Order, step: str, rounds: int) -> bytes:
    """The bytes of a step's file."""
    digest = hashlib.pbkdf2_hmac("sha256", order.job_id.encode(), step.encode(), rounds)
    return digest * (FILE_BYTES // len(digest))


if __name__ == "__main__":
    main(Storage(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3]))
