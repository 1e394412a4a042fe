import contextlib
import os
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from aiprod_pipelines.sovereignty.offline import NetworkError, forbid_network, set_offline_variables

OUTSIDE = "192.0.2.1"  # a documentation address (RFC 5737): nobody answers there


def _connect(address: str) -> None:
    with socket.socket() as outgoing:
        outgoing.settimeout(0.05)
        outgoing.connect((address, 9))


def _hidden() -> None:
    """What a careless library does."""
    with contextlib.suppress(Exception):
        _connect(OUTSIDE)


def test_a_connection_outside_is_stopped() -> None:
    with pytest.raises(NetworkError, match=OUTSIDE), forbid_network():
        _connect(OUTSIDE)


def test_a_datagram_and_a_name_look_up_are_stopped() -> None:
    with (
        pytest.raises(NetworkError, match=OUTSIDE),
        forbid_network(),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        sender.sendto(b"?", (OUTSIDE, 9))
    with pytest.raises(NetworkError, match=r"huggingface\.co"), forbid_network():
        socket.getaddrinfo("huggingface.co", 443)


def test_a_swallowed_attempt_still_fails() -> None:
    with pytest.raises(NetworkError, match=OUTSIDE), forbid_network():
        _hidden()


def test_other_threads_are_watched() -> None:
    with (
        pytest.raises(NetworkError, match=OUTSIDE),
        forbid_network(),
        ThreadPoolExecutor(max_workers=1) as threads,
    ):
        threads.submit(_hidden).result()


def test_loopback_stays_open() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    with server, forbid_network() as attempts, socket.create_connection(("localhost", port)) as client:
        served, _ = server.accept()
        with served:
            client.sendall(b"hello")
            assert served.recv(5) == b"hello"
    assert not attempts


def test_outside_the_block_nothing_is_watched() -> None:
    with forbid_network():
        pass
    with pytest.raises(OSError, match=r".*"):
        _connect(OUTSIDE)


def test_libraries_are_told() -> None:
    environment = {"HF_HUB_OFFLINE": "0", "PATH": os.environ["PATH"]}
    set_offline_variables(environment)
    assert environment["HF_HUB_OFFLINE"] == environment["TRANSFORMERS_OFFLINE"] == "1"
    assert environment["PATH"] == os.environ["PATH"]
