"""A receiver of webhooks: a real server on this machine, which keeps what it was sent."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network

import pytest

from aiprod_server.addresses import Reach


@dataclass
class Receiver:
    """Answers every POST with `status` and `headers`; `seen` holds (path, headers, body) of each."""

    port: int
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def reach(self) -> Reach:
        return Reach(networks=(ip_network("127.0.0.0/8"),), ports=frozenset({self.port}))


@pytest.fixture
def open_receiver() -> Iterator[Callable[[], Receiver]]:
    """Opens receivers, each on a free port of 127.0.0.1, until the test ends."""
    servers = []

    def opened() -> Receiver:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                names = {name.lower(): value for name, value in self.headers.items()}
                receiver.seen.append((self.path, names, body))
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        receiver = Receiver(port=server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return receiver

    yield opened
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def receiver(open_receiver: Callable[[], Receiver]) -> Receiver:
    return open_receiver()
