"""One request to a checked address: no name asked again, no redirect followed, no proxy, no waiting without end.

Knows HTTP and TLS through the standard library. Of the answer to a POST only the status is read: a client that could
read the body would have a window into the operator's network. GET is for addresses that the operator names.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType

from aiprod_core.errors import AiprodError
from aiprod_server.egress.addresses import Target


class UndeliveredError(AiprodError):
    """Nobody answered in HTTP, or not in time; the receiver may or may not have read the request."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """`duration_s`: everything together, from connecting to what is read. `body_bytes`: of what is sent or read."""

    duration_s: float = 15.0
    body_bytes: int = 256 * 1024


def post(
    target: Target,
    body: bytes,
    headers: Mapping[str, str],
    *,
    limits: Limits | None = None,
    tls: ssl.SSLContext | None = None,
) -> int:
    """Status (100–599) of the answer to `body`, sent to `target.address` under the name `target.host`.

    `tls`: trusted certificates, the system's by default. Raises `UndeliveredError`.
    """
    limits = limits or Limits()
    if len(body) > limits.body_bytes:
        raise UndeliveredError(
            f"POST to {target.host}: got a body of {len(body)} bytes, expected at most {limits.body_bytes}; send less"
        )
    with _answer(target, "POST", body, headers, limits, tls) as answer:
        return answer.status


def get(target: Target, *, limits: Limits | None = None, tls: ssl.SSLContext | None = None) -> bytes:
    """The body that `target` has, if its status is 200. Raises `UndeliveredError`, also for one that is too large."""
    limits = limits or Limits()
    with _answer(target, "GET", None, {}, limits, tls) as answer:
        if answer.status != http.HTTPStatus.OK:
            raise UndeliveredError(f"GET {target.host}: the answer was {answer.status}, expected 200; check the path")
        body = answer.read(limits.body_bytes + 1)
    if len(body) > limits.body_bytes:
        raise UndeliveredError(f"GET {target.host}: got more than {limits.body_bytes} bytes; expected a small document")
    return body


@contextmanager
def _answer(
    target: Target,
    method: str,
    body: bytes | None,
    headers: Mapping[str, str],
    limits: Limits,
    tls: ssl.SSLContext | None,
) -> Iterator[http.client.HTTPResponse]:
    """The answer, to be read within the block: what goes wrong until its end is an `UndeliveredError`."""
    connection = _CheckedConnection(target, limits.duration_s, tls)
    try:
        with _Deadline(connection, limits.duration_s) as deadline:
            connection.request(method, target.path, body=body, headers={"Host": target.authority, **headers})
            yield connection.getresponse()
            if deadline.passed:  # headers or a body cut short by the deadline read as if they had ended
                raise TimeoutError
    except (OSError, http.client.HTTPException) as error:
        late = deadline.passed or isinstance(error, TimeoutError)
        reason = f"no answer in time, which is {limits.duration_s:g} s" if late else _reason(error)
        raise UndeliveredError(
            f"{method} to {target.host}:{target.port}: {reason}, expected an answer in HTTP; check that the receiver "
            "runs"
        ) from error
    finally:
        connection.close()


class _CheckedConnection(http.client.HTTPConnection):
    """Connected to the address, under the name of the host in TLS: that is what a certificate is for."""

    def __init__(self, target: Target, duration_s: float, tls: ssl.SSLContext | None) -> None:
        super().__init__(target.host, target.port)
        self._target, self._duration_s = target, duration_s
        self._tls = (tls or ssl.create_default_context()) if target.scheme == "https" else None

    def connect(self) -> None:
        # Half the time, so that there always is a socket for the deadline to end.
        self.sock = socket.create_connection((str(self._target.address), self._target.port), self._duration_s / 2)
        self.sock.settimeout(self._duration_s)
        if self._tls is not None:
            # Kept before the handshake, so that the deadline can end that too.
            self.sock = self._tls.wrap_socket(
                self.sock, server_hostname=self._target.host, do_handshake_on_connect=False
            )
            self.sock.do_handshake()


class _Deadline:
    """Ends a connection after `duration_s`: a socket's own timeout starts anew with every byte of a slow answer."""

    def __init__(self, connection: http.client.HTTPConnection, duration_s: float) -> None:
        self.passed = False
        self._connection = connection
        self._timer = threading.Timer(duration_s, self._end)
        self._timer.daemon = True

    def __enter__(self) -> "_Deadline":
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._timer.cancel()
        self._timer.join()

    def _end(self) -> None:
        self.passed = True
        open_socket = self._connection.sock
        if open_socket is not None:
            # The plain shutdown: that of a TLS socket also forgets its session, under the hands of the reader.
            with suppress(OSError):  # closed already
                socket.socket.shutdown(open_socket, socket.SHUT_RDWR)


def _reason(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted ({error.verify_message})"
        case OSError() if error.strerror:
            return error.strerror
        case _:
            return type(error).__name__
