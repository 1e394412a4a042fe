"""A worker: one slot a device, or several, in one process. Knows no signal; whoever runs it says when to close."""

import os
import secrets
import socket
import threading
from collections.abc import Sequence

from aiprod_server.work.closing import Closing
from aiprod_server.work.slot import Slot, Terms

MACHINE_LENGTH = 200


class Worker:
    """The slots of this process.

    Args:
        devices: as torch names them, such as cpu or cuda:0.
        slots: of each device: jobs that share it.
        drain_s: how long what runs may take to its end once the worker is asked to close.
    """

    def __init__(self, terms: Terms, *, devices: Sequence[str], slots: int = 1, drain_s: float) -> None:
        self._closing = Closing(drain_s)
        machine = socket.gethostname()[:MACHINE_LENGTH]
        start = f"{machine}:{os.getpid()}:{secrets.token_hex(4)}"  # the same process id comes again one day
        places = [device for device in devices for _ in range(slots)]
        self._threads = [
            threading.Thread(target=Slot(f"{start}:{number}", machine, device, terms, self._closing).run, name=device)
            for number, device in enumerate(places)
        ]

    def run(self) -> None:
        """Work until it is closed."""
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()

    def close(self) -> None:
        """Take nothing new, and end what runs; asked again, give it back at once. From any thread or signal handler."""
        self._closing.ask()
