"""A client's webhook over HTTP: checked, its secret shown once, and what it then gets."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from standardwebhooks import Webhook
from starlette.testclient import TestClient

from aiprod_server.access import audit_log, keys
from aiprod_server.access.audit_log import Author
from aiprod_server.api.service import Service
from aiprod_server.app import create_app
from aiprod_server.queue import submissions
from aiprod_server.settings import Settings
from aiprod_server.webhooks.outbox import deliver_due

URL = "/api/v1/webhook"
TRICKS = [
    "https://127.0.0.1/hook",
    "https://localhost/hook",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/hook",
    "https://[::ffff:10.0.0.1]/hook",
    "https://2130706433/hook",
    "https://0x7f.1/hook",
    "https://10.0.0.1/hook",
    "https://[fd00::1]/hook",
    "https://100.64.0.1/hook",
    "https://0.0.0.0/hook",
    "https://[64:ff9b::7f00:1]/hook",
]


@contextmanager
def gateway(engine: sa.Engine, storage: Path, network: str, port: int) -> Iterator[TestClient]:
    """A gateway whose operator allows one network of the inside and one port more, asked by a creator of `north`."""
    settings = Settings(
        database_url=engine.url.render_as_string(hide_password=False),
        storage=storage,
        webhook_networks=(network,),
        webhook_ports=(443, port),
    )
    app = create_app(settings)
    service: Service = app.state.service
    author = Author(name="a test", key=service.audit_key)
    key, _ = keys.create(
        service.engine, client="north", roles=["creator"], pepper=service.pepper, author=author, now_s=service.clock()
    )
    with TestClient(app, headers={"Authorization": f"Bearer {key.reveal()}"}) as client:
        yield client


@pytest.fixture
def http(engine: sa.Engine, tmp_path: Path) -> Iterator[TestClient]:
    with gateway(engine, tmp_path, "127.0.0.2/32", 8443) as client:
        yield client


def service_of(http: TestClient) -> Service:
    found: Service = http.app.state.service  # type: ignore[attr-defined]
    return found


def test_a_webhook_is_set_seen_and_removed(http: TestClient) -> None:
    assert http.get(URL).status_code == http.delete(URL).status_code == 404
    asked = {"url": "https://127.0.0.2/hook?token=swordfish"}
    first, second = http.put(URL, json=asked), http.put(URL, json=asked)
    assert first.status_code == second.status_code == 200
    assert first.json()["secret"].startswith("whsec_")
    assert first.json()["secret"] != second.json()["secret"]
    assert http.get(URL).json() == {"object": "webhook", "disabled_at": None, **asked}
    assert http.delete(URL).status_code == 204
    assert http.get(URL).status_code == 404
    log = [entry.text for entry in audit_log.entries(service_of(http).engine)]
    assert [text for text in log if "swordfish" in text or "whsec_" in text] == []
    assert [text.split('"what":"')[1] for text in log[1:]] == ['webhook set"}', 'webhook set"}', 'webhook removed"}']


def test_the_inside_is_refused_before_anything_is_kept(http: TestClient) -> None:
    for url in TRICKS:
        answer = http.put(URL, json={"url": url})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request"), url
    assert http.get(URL).status_code == 404


def test_what_is_no_webhook(http: TestClient) -> None:
    for body, status in (
        ({}, 422),
        ({"url": None}, 422),
        ({"url": 7}, 422),
        ({"url": "ftp://127.0.0.2/"}, 422),
        ({"url": "https://127.0.0.2/", "secret": "mine"}, 422),
        ({"url": "https://ada:swordfish@127.0.0.2/"}, 400),
        ({"url": "https://127.0.0.2:22/"}, 400),
        ([], 422),
    ):
        answer = http.put(URL, json=body)
        assert answer.status_code == status, body
        assert "swordfish" not in answer.text


def test_a_job_with_a_webhook_of_its_own_needs_the_secret_that_signs_it(http: TestClient) -> None:
    body = {"prompt": "a cat", "webhook_url": "https://127.0.0.2/hook?token=swordfish"}
    answer = http.post("/api/v1/generate", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "webhook_url")
    assert answer.json()["detail"].endswith("set one with PUT /api/v1/webhook first")
    assert "swordfish" not in answer.text
    assert http.get("/api/v1/jobs").json()["data"] == []
    http.put(URL, json={"url": "https://127.0.0.2/"})
    assert http.post("/api/v1/generate", json=body).status_code == 202


def test_what_is_set_here_is_what_arrives(engine: sa.Engine, tmp_path: Path, receiver: Any) -> None:
    with gateway(engine, tmp_path, "127.0.0.1/32", receiver.port) as http:
        service = service_of(http)
        secret = http.put(URL, json={"url": receiver.url}).json()["secret"]
        job = submissions.submit(service.engine, {"prompt": "x"}, client="north", now_s=service.clock())
        submissions.cancel(service.engine, job.id, now_s=service.clock())
        author = Author(name="gateway", key=service.audit_key)
        assert deliver_due(service.engine, service.reach, now_s=service.clock(), author=author) == {"delivered": 1}
    [(_, headers, body)] = receiver.seen
    assert Webhook(secret).verify(body, headers)["data"]["id"] == job.id
