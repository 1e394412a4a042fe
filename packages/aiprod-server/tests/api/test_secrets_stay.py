"""Each way to be refused has its problem document, and neither that nor the log has the key, the prompt or a folder.

The gateway is as its operator starts it, with bodies of 32 MiB, and its log is written as it is to standard error, from
debug up. Which field is named for which mistake, `test_refusals` knows.
"""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from door import Door, building, problem

from aiprod_server.access import api_key
from aiprod_server.monitoring import error_log
from aiprod_server.monitoring.logs import configure
from aiprod_server.queue.clients import set_limits

PROMPT = "swordfish"
FORM = "multipart/form-data; boundary=x"
NAMELESS = f"--x\r\nContent-Disposition: form-data\r\n\r\n{PROMPT}\r\n--x--\r\n".encode()
MOST_BYTES = 32 * 2**20
URL = "/api/v1/generate"
Ask = Callable[[Door], Any]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with building(tmp_path_factory.mktemp("gateway")) as door:
        yield door


@pytest.fixture
def log() -> io.StringIO:
    """What is written to the log."""
    written = io.StringIO()
    configure("debug", "json", written)
    return written


def generate(body: Any, **headers: str) -> Ask:
    return lambda door: door.http.post(URL, json=body, headers=door.headers | headers)


def sent(content: bytes | Callable[[], Iterator[bytes]], kind: str = "application/json") -> Ask:
    def ask(door: Door) -> Any:
        body = content if isinstance(content, bytes) else content()
        return door.http.post(URL, content=body, headers=door.headers | {"Content-Type": kind})

    return ask


def chunks() -> Iterator[bytes]:
    """A body that does not say how long it is, and is too long."""
    yield b'{"prompt": "' + PROMPT.encode()
    for _ in range(MOST_BYTES // 2**20):
        yield b"a" * 2**20


def with_a_wrong_key(door: Door) -> Any:
    key = api_key.mint()
    door.headers["Authorization"] = f"Bearer {key.reveal()}"
    return door.http.post(URL, json={"prompt": PROMPT}, headers=door.headers)


def over_quota(door: Door) -> Any:
    set_limits(door.service.engine, door.client, max_queued=0)
    return door.http.post(URL, json={"prompt": PROMPT, "model": "tiny"}, headers=door.headers)


def of_another(door: Door) -> Any:
    mine = door.generate(prompt=PROMPT)["id"]
    door.headers = {"X-API-Key": door.key("another")}
    return door.http.get(f"/api/v1/jobs/{mine}", headers=door.headers)


@pytest.mark.parametrize(
    ("ask", "status", "code", "param"),
    [
        pytest.param(with_a_wrong_key, 401, "invalid_api_key", None, id="a wrong key"),
        pytest.param(of_another, 404, "not_found", None, id="a foreign id"),
        pytest.param(over_quota, 429, "quota_exceeded", None, id="over quota"),
        pytest.param(sent(bytes(MOST_BYTES + 1)), 413, "body_too_large", None, id="too large a body"),
        pytest.param(sent(chunks), 413, "body_too_large", None, id="too large a body in chunks"),
        pytest.param(sent(NAMELESS, FORM), 400, "invalid_request", None, id="a broken form"),
        pytest.param(sent(PROMPT.encode()), 400, "invalid_request", None, id="no JSON"),
        pytest.param(sent(PROMPT.encode(), "text/plain"), 415, "unsupported_media_type", None, id="another type"),
        pytest.param(generate({"prompt": f"{PROMPT}\x1b[2J"}), 422, "invalid_field", "prompt", id="control characters"),
        pytest.param(generate({"prompt": PROMPT * 120_000}), 422, "invalid_field", "prompt", id="1 MB of prompt"),
        pytest.param(generate({"prompt": PROMPT, "model": "gpt"}), 404, "not_found", "model", id="an unknown model"),
        pytest.param(generate({"prompt": PROMPT, "seed": PROMPT}), 422, "invalid_field", "seed", id="a wrong field"),
    ],
)
def test_a_refusal_gives_nothing_away(
    door: Door, log: io.StringIO, ask: Ask, status: int, code: str, param: str | None
) -> None:
    answer = ask(door)
    problem(answer, status, code, param)
    for said in (answer.text + str(answer.headers), log.getvalue()):
        assert PROMPT not in said
        assert str(Path(door.service.settings.storage).parent) not in said
        for value in door.headers.values():
            assert value.removeprefix("Bearer ")[20:] not in said
    assert error_log.top(door.service.engine) == ()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert (lines[-1]["status"], lines[-1]["request_id"]) == (status, answer.headers["x-request-id"])
