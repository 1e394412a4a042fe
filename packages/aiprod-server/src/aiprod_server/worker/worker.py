"""A worker: one slot a device, or several, in one process. Knows no signal; whoever runs it says when to close."""

import os
import secrets
import socket
import threading
from collections.abc import Sequence

from aiprod_server.worker.closing import Closing
from aiprod_server.worker.slot import Slot, Terms

MACHINE_LENGTH = 200


class Worker:
    """The slots of this process; each is called by the worker's `name` and its number.

    Args:
        devices: as torch names them, such as cpu or cuda:0.
        slots: of each device: jobs that share it.
        drain_s: how long what runs may take to its end once the worker is asked to close.
    """

    def __init__(self, terms: Terms, *, devices: Sequence[str], slots: int = 1, drain_s: float) -> None:
        self._closing = Closing(drain_s)
        machine = socket.gethostname()[:MACHINE_LENGTH]
        self.name = f"{machine}:{os.getpid()}:{secrets.token_hex(4)}"  # the same process id comes again one day
        places = [device for device in devices for _ in range(slots)]
        self._slots = [
            Slot(f"{self.name}:{number}", machine, device, terms, self._closing) for number, device in enumerate(places)
        ]

    def run(self) -> None:
        """Work until it is closed."""
        threads = [threading.Thread(target=slot.run) for slot in self._slots]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def close(self) -> None:
        """Take nothing new, and end what runs; asked again, give it back at once. From any thread or signal handler."""
        self._closing.ask()
