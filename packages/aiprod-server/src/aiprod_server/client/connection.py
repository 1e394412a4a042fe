"""How a client asks: with its key, patiently, and with errors that say what the service said. Knows no route."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2

from aiprod_core.errors import AiprodError, InputError

TIMEOUT_S = 30.0
FIRST_PAUSE_S, LAST_PAUSE_S = 0.5, 5.0  # before a broken connection is taken up again
AWAY = frozenset({502, 503, 504})  # what a proxy says of a gateway that starts anew


class ServiceError(AiprodError):
    """The service refused a request. `code` says why, `param` names the field at fault, `problem` is all it said."""

    def __init__(self, status: int, problem: Mapping[str, Any], *, retry_after_s: float | None = None) -> None:
        error = problem.get("error") or {}
        super().__init__(str(problem.get("detail") or f"the service answered {status}; ask its operator"))
        self.status = status
        self.problem = problem
        self.code: str | None = error.get("code")
        self.param: str | None = error.get("param")
        self.retry_after_s = retry_after_s


class UnreachableError(AiprodError):
    """The service does not answer, or what answers is another one."""


class AwayError(Exception):
    """A connection that broke, or a proxy that says so: it may be taken up again."""


class Patience:
    """Counts the time since something last came, and waits between tries, longer from one to the next."""

    def __init__(self, most_s: float, where: object) -> None:
        self.first_pause_s = FIRST_PAUSE_S
        self._most_s, self._where = most_s, where
        self.renew()

    def renew(self) -> None:
        """Something came."""
        self._since_s, self._pause_s = time.monotonic(), self.first_pause_s

    def spend(self, reason: object, wait_s: float | None = None) -> None:
        """Wait a while, of `wait_s` at least. Raises `UnreachableError` where that would be too long."""
        pause_s = max(self._pause_s, wait_s or 0.0)
        if time.monotonic() - self._since_s + pause_s > self._most_s:
            raise UnreachableError(
                f"{self._where} does not answer ({reason}); check the address, and that `aiprod serve` runs there"
            )
        time.sleep(pause_s)
        self._pause_s = max(self._pause_s, min(2 * self._pause_s, LAST_PAUSE_S))


class Connection:
    """Connections to one address; what is sent there bears the key, which is shown nowhere.

    Raises:
        InputError: an address that is none, or a key that no header can hold.
    """

    def __init__(self, base_url: str, key: str, patience_s: float) -> None:
        url = _address(base_url)
        if not key.isascii() or not key.isprintable() or not key.strip():
            raise InputError("API key: got one that no header can hold, expected aip_live_…; copy it again")
        self._where, self._patience_s = f"{url.scheme}://{url.netloc.decode()}", patience_s
        self._http = httpx2.Client(
            base_url=url, headers={"Authorization": f"Bearer {key.strip()}"}, timeout=TIMEOUT_S, follow_redirects=False
        )

    def close(self) -> None:
        """Let go of them."""
        self._http.close()

    def patience(self) -> Patience:
        """That of one request."""
        return Patience(self._patience_s, self._where)

    def asked(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """The answer to a request, which may be sent more than once, where the service is away.

        Raises:
            ServiceError: the request is refused.
            UnreachableError: there is no answer, or not of this service.
        """
        patience = self.patience()
        while True:
            try:
                with _breaking():
                    return _checked(self._http.request(method, path, **more))
            except AwayError as error:
                patience.spend(error)

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str], silence_s: float) -> Iterator[httpx2.Response]:
        """An answer that is read as it comes; it may be silent for `silence_s`.

        Raises:
            AwayError: the connection broke, now or while it is read.
            ServiceError, UnreachableError: as `asked` does.
        """
        whole = {"Accept-Encoding": "identity"} | dict(headers)  # a part of a file is of its bytes as they are
        timeout = httpx2.Timeout(TIMEOUT_S, read=silence_s)
        with _breaking(), self._http.stream("GET", path, headers=whole, timeout=timeout) as answer:
            if not answer.is_success:
                answer.read()
            yield _checked(answer)


@contextmanager
def _breaking() -> Iterator[None]:
    try:
        yield
    except httpx2.TransportError as error:
        raise AwayError(str(error) or type(error).__name__) from error


def _address(base_url: str) -> httpx2.URL:
    try:
        url = httpx2.URL(base_url)
    except httpx2.InvalidURL as error:
        raise InputError(f"address of the service: got {base_url!r}, expected http://HOST:PORT ({error})") from error
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise InputError(
            f"address of the service: got {url.host or base_url!r}, expected http://HOST:PORT or https://…"
        )
    return url


def _checked(answer: httpx2.Response) -> httpx2.Response:
    """`answer`, of a request that was carried out."""
    if answer.is_success:
        return answer
    try:
        problem = answer.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        problem = None
    if isinstance(problem, dict) and isinstance(problem.get("error"), dict):
        wait = answer.headers.get("Retry-After", "")
        raise ServiceError(answer.status_code, problem, retry_after_s=float(wait) if wait.isdecimal() else None)
    if answer.status_code in AWAY:
        raise AwayError(f"status {answer.status_code}")
    raise UnreachableError(
        f"{answer.url.host}: got status {answer.status_code} without a problem document, expected the service of "
        "AIPROD; check the address"
    )
