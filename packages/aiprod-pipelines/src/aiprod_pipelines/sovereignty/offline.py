"""No call leaves this machine: the switches other libraries obey, and a guard that stops those that do not.

The guard sees every socket that Python opens. Native code that bypasses Python is what a network namespace without a
route is for (tests/test_sovereignty.py).
"""

import ipaddress
import os
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from aiprod_core.errors import AiprodError

OFFLINE_VARIABLES = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "DIFFUSERS_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
    "WANDB_MODE": "offline",
}
_WATCHED = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "socket.gethostbyaddr": 0,
}  # audit event → which argument is the address


class NetworkError(AiprodError):
    """Something tried to reach another machine while that was forbidden."""


def set_offline_variables(environ: MutableMapping[str, str] = os.environ) -> None:
    """Tell every library of the field to stay offline; call it before they are imported."""
    environ.update(OFFLINE_VARIABLES)


_guards: list[list[str]] = []
_hooked = False


@contextmanager
def forbid_network() -> Iterator[list[str]]:
    """Within this block any connection or name look-up outside loopback raises `NetworkError`, in every thread.

    Yields the list of attempts. An attempt whose error was swallowed raises when the block ends.
    """
    global _hooked
    if not _hooked:  # an audit hook cannot be taken away again: one is installed, and asks for the guards in force
        sys.addaudithook(_watch)
        _hooked = True
    attempts: list[str] = []
    _guards.append(attempts)
    try:
        yield attempts
    finally:
        _guards.remove(attempts)
    if attempts:
        raise _forbidden(attempts[0])


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if not _guards or event not in _WATCHED:
        return
    address = arguments[_WATCHED[event]]
    if _is_local(address):
        return
    attempt = f"{event} {address}"
    for attempts in _guards:
        attempts.append(attempt)
    raise _forbidden(attempt)


def _forbidden(attempt: str) -> NetworkError:
    return NetworkError(
        f"network: got {attempt}, expected no call outside this machine; find the library that makes it and "
        "give it local files only"
    )


def _is_local(address: Any) -> bool:
    """Whether a socket address is this machine: loopback, a Unix socket path, or the already connected peer (None)."""
    if isinstance(address, tuple):
        address = address[0] if address else None
    if address is None or address in ("", "localhost", b"localhost"):
        return True
    if isinstance(address, bytes):
        address = address.decode(errors="replace")
    if not isinstance(address, str):
        return False
    if address.startswith(("/", "\0")):
        return True
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False
