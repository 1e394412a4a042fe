"""A worker beside the gateway, on a machine that is both: its process is started, started again, and stopped.

Run as a program it is that process: `aiprod worker`, which drains and ends where the gateway does, however that ends.
"""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

from aiprod_pipelines import cli
from aiprod_server.worker.child import PR_SET_PDEATHSIG
from aiprod_server.worker.slot import LEAVE_S

AGAIN_S = 5.0
SPARE_S = 1.0
PROGRAM = (sys.executable, "-m", "aiprod_server.worker.beside")

logger = logging.getLogger(__name__)


class Beside:
    """The worker's process, from `start` to `stop`; one that ends of itself is started again after a while.

    Args:
        env: laid over the environment of this process.
    """

    def __init__(self, env: Mapping[str, str], program: Sequence[str] = PROGRAM, again_s: float = AGAIN_S) -> None:
        self._env, self._program, self._again_s = env, program, again_s
        self._stopped = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        # One thread for all its processes: Linux takes the end of the thread that starts a process for its parent's.
        self._keeper = threading.Thread(target=self._keep, name="worker beside", daemon=True)

    def start(self) -> None:
        self._keeper.start()

    def stop(self, drain_s: float) -> None:
        """Have it drain and end; kill it where that takes longer than draining and giving back may."""
        self._stopped.set()
        with self._lock:
            process = self._process
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(drain_s + LEAVE_S + SPARE_S)
        except subprocess.TimeoutExpired:
            logger.warning("the worker does not end within %.0f s, and is killed; its jobs begin again", drain_s)
            process.kill()
            process.wait()

    def _keep(self) -> None:
        while not self._stopped.is_set():
            with self._lock:
                if self._stopped.is_set():
                    return
                # A session of its own: Ctrl-C is the gateway's, which tells the worker.
                self._process = subprocess.Popen(
                    list(self._program), env={**os.environ, **self._env}, start_new_session=True
                )
            status = self._process.wait()
            if not self._stopped.is_set():
                logger.error("the worker ended with exit status %d; it is started again", status)
                self._stopped.wait(self._again_s)


def die_with_parent() -> None:
    """Have this process asked to end as soon as its parent does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def main() -> None:
    """Work until the gateway is gone."""
    die_with_parent()
    cli.main(["worker", *sys.argv[1:]])


if __name__ == "__main__":
    main()
