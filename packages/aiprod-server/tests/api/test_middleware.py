"""What every answer has, whatever its route: safe headers, an id, and no fault of ours explained to strangers."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from door import Door, problem, tiny_model
from gateway_at_work import migrated
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from aiprod_server.api.middleware import SAFE, Answered
from aiprod_server.app import create_app
from aiprod_server.monitoring import error_log
from aiprod_server.settings import Settings

ORIGIN = "https://studio.example"


def test_every_answer_is_safe(door: Door) -> None:
    for answer in (door.http.get("/api/v1/models", headers=door.headers), door.http.get("/nowhere")):
        assert SAFE.items() <= dict(answer.headers).items()
        assert "server" not in answer.headers


def test_nothing_is_shared_with_other_origins_unless_told(door: Door) -> None:
    answer = door.http.options("/api/v1/jobs", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "GET"})
    problem(answer, 405, "method_not_allowed")
    assert "access-control-allow-origin" not in door.http.get("/health", headers={"Origin": ORIGIN}).headers


def test_origins_of_the_settings_may_ask(tmp_path: Path) -> None:
    url = migrated(f"sqlite:///{tmp_path / 'jobs.db'}")
    settings = Settings(database_url=url, storage=tmp_path, cors_origins=(ORIGIN,))
    with TestClient(create_app(settings)) as http:
        asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
        answer = http.options("/api/v1/jobs", headers={"Origin": ORIGIN} | asked)
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert http.options("/api/v1/jobs", headers={"Origin": "https://evil.example"} | asked).status_code == 400


def test_the_host_of_a_request_is_in_no_answer(door: Door) -> None:
    for path in ("/api/v1/jobs/", "/openapi.json", "/nowhere"):
        answer = door.http.get(path, headers={"Host": "evil.example"}, follow_redirects=False)
        assert "evil.example" not in answer.text + str(answer.headers)


def test_a_fault_of_ours_is_not_explained(door: Door, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    url = migrated(f"sqlite:///{tmp_path / 'jobs.db'}")
    settings = Settings(database_url=url, storage=tmp_path, models_root=tiny_model(tmp_path / "models"))
    app = create_app(settings)
    broken = Door(http=TestClient(app), service=app.state.service)
    headers = {"X-API-Key": broken.key("ada")}
    app.state.service.__dict__["storage"] = None  # as if a part of the service were broken
    body = {"prompt": "a secret cat", "model": "tiny", "images": [{"data": f"data:image/png;base64,{PNG}"}]}
    with caplog.at_level(logging.DEBUG):
        answer = broken.http.post("/api/v1/generate", json=body, headers=headers)
    assert "operator is told" in problem(answer, 500, "internal_error")
    assert "AttributeError" not in answer.text
    assert "secret cat" not in caplog.text
    (row,) = error_log.top(app.state.service.engine)
    assert (row.kind, row.source) == ("AttributeError", "gateway")
    app.state.service.close()


PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
def test_a_client_that_leaves_while_it_sends_is_no_fault(
    door: Door, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    sent: list[Message] = []
    came = iter([{"type": "http.request", "body": b"--x\r\n", "more_body": True}, {"type": "http.disconnect"}])
    headers = {"content-type": kind, **door.headers}.items()
    scope: Scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http"}
    scope |= {"method": "POST", "path": "/api/v1/generate", "query_string": b"", "root_path": ""}
    scope |= {"headers": [(name.lower().encode(), value.encode()) for name, value in headers]}

    async def receive() -> Message:
        return next(came)

    async def send(message: Message) -> None:
        sent.append(message)

    with caplog.at_level(logging.INFO):
        asyncio.run(door.http.app(scope, receive, send))
    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("aiprod_server")]
    assert line.startswith("POST /api/v1/generate 499 ")
    assert sent == []
    assert error_log.top(door.service.engine) == ()


def test_a_fault_after_the_answer_began_ends_the_connection() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("a secret")

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    with pytest.raises(ConnectionAbortedError) as caught:
        asyncio.run(Answered(app)({"type": "http"}, receive, send))
    assert "secret" not in str(caught.value)
    assert [message["type"] for message in sent] == ["http.response.start"]
