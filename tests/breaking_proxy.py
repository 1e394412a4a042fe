"""A proxy on a real socket that breaks connections: what it does to the next ones is said beforehand."""

import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Proxy:
    """`cuts`: of the connections to come, after how many bytes of the answer each is broken; then none is.

    `seen`: the heads of the requests that came.
    """

    url: str
    cuts: deque[int] = field(default_factory=deque)
    seen: list[str] = field(default_factory=list)


def request(near: socket.socket) -> tuple[str, bytes]:
    """Head and body of a request that names its length, whole."""
    came = b""
    while b"\r\n\r\n" not in came:
        came += (chunk := near.recv(2**16))
        if not chunk:
            return "", b""
    start, _, body = came.partition(b"\r\n\r\n")
    head = start.decode()
    lengths = [line for line in head.lower().split("\r\n") if line.startswith("content-length:")]
    length = int(lengths[0].partition(":")[2]) if lengths else 0
    while len(body) < length:
        body += near.recv(2**16)
    return head, body


@contextmanager
def breaking_proxy(target: str) -> Iterator[Proxy]:
    """A proxy before `target`, http://HOST:PORT, with a connection of its own for each request."""
    there = urlsplit(target)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        proxy = Proxy(f"http://127.0.0.1:{listening.getsockname()[1]}")

        def accept() -> None:
            with suppress(OSError):  # closed
                while True:
                    near, _ = listening.accept()
                    threading.Thread(target=carry, args=(near, proxy.cuts.popleft() if proxy.cuts else None)).start()

        def carry(near: socket.socket, cut: int | None) -> None:
            with near, suppress(OSError), socket.create_connection((there.hostname, there.port)) as far:
                head, body = request(near)
                if not head:
                    return
                proxy.seen.append(head)
                line, _, rest = head.partition("\r\n")
                far.sendall(f"{line}\r\nConnection: close\r\n{rest}\r\n\r\n".encode() + body)
                carried = 0
                while cut is None or carried < cut:
                    chunk = far.recv(2**16 if cut is None else min(2**16, cut - carried))
                    if not chunk:
                        return
                    near.sendall(chunk)
                    carried += len(chunk)

        thread = threading.Thread(target=accept)
        thread.start()
        yield proxy
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()
