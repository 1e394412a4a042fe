"""Keys, limits and usage over HTTP: what each scope may, what is shown once, and what is written down."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from aiprod_server.access import audit_log
from aiprod_server.access.usage_log import Use, Waiting
from aiprod_server.api.service import Service
from aiprod_server.app import create_app
from aiprod_server.queue import submissions, workers
from aiprod_server.settings import Settings

DAY_S = 86_400


@pytest.fixture
def http(engine: sa.Engine, tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(
        database_url=engine.url.render_as_string(hide_password=False),
        storage=tmp_path / "storage",
        requests_per_min=10_000,
    )
    with TestClient(create_app(settings)) as client:
        yield client


Headers = dict[str, str]


@pytest.fixture
def admin(holding: Callable[..., Headers]) -> Headers:
    return holding("admin")


def problem(answer: httpx2.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    return told


def newest(service: Service) -> dict[str, Any]:
    return list(audit_log.entries(service.engine))[-1].facts()


def test_a_key_is_made_shown_once_and_opens(http: TestClient, service: Service, admin: Headers) -> None:
    asked = {"client": "north", "roles": ["viewer", "creator"], "name": "laptop", "expires_at": service.clock() + 100}
    answer = http.post("/api/v1/admin/keys", json=asked, headers=admin)
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert (made["client"], made["roles"], made["name"], made["live"]) == (
        "north",
        ["creator", "viewer"],
        "laptop",
        True,
    )
    opened = http.get("/api/v1/jobs", headers={"Authorization": f"Bearer {made['key']}"})
    assert opened.status_code == 200

    listed = http.get("/api/v1/admin/keys", headers=admin)
    shown = {key["client"]: key for key in listed.json()["data"]}
    assert shown["north"] == {name: value for name, value in made.items() if name != "key"}
    assert made["key"].rsplit("_", 1)[1] not in listed.text
    assert made["prefix"] == f"aip_live_{made['id']}"
    only = http.get("/api/v1/admin/keys", params={"client": "ops"}, headers=admin).json()["data"]
    assert [key["client"] for key in only] == ["ops"]
    said = newest(service)
    assert (said["what"], said["key"]) == ("key created", made["id"])
    assert str(said["by"]).startswith("ops, key ")


def test_a_revoked_key_stops_at_once(http: TestClient, service: Service, admin: Headers) -> None:
    made = http.post("/api/v1/admin/keys", json={"client": "north", "roles": ["viewer"]}, headers=admin).json()
    theirs = {"Authorization": f"Bearer {made['key']}"}
    assert http.get("/api/v1/jobs", headers=theirs).status_code == 200
    revoked = http.post(f"/api/v1/admin/keys/{made['id']}/revoke", headers=admin)
    assert (revoked.status_code, revoked.json()["live"]) == (200, False)
    assert "revoked" in problem(http.get("/api/v1/jobs", headers=theirs), 401)["detail"]
    assert newest(service)["what"] == "key revoked"


def test_a_rotated_key_and_its_successor_both_open_for_a_while(http: TestClient, admin: Headers) -> None:
    made = http.post("/api/v1/admin/keys", json={"client": "north", "roles": ["viewer"]}, headers=admin).json()
    answer = http.post(f"/api/v1/admin/keys/{made['id']}/rotate", params={"grace_s": 60}, headers=admin)
    assert answer.status_code == 201
    for key in (made["key"], answer.json()["key"]):
        assert http.get("/api/v1/jobs", headers={"X-API-Key": key}).status_code == 200
    ended = http.post(f"/api/v1/admin/keys/{answer.json()['id']}/rotate", params={"grace_s": 0}, headers=admin).json()
    for key, status in ((made["key"], 401), (answer.json()["key"], 401), (ended["key"], 200)):
        assert http.get("/api/v1/jobs", headers={"X-API-Key": key}).status_code == status


def test_an_unknown_key(http: TestClient, admin: Headers) -> None:
    for act in ("revoke", "rotate"):
        told = problem(http.post(f"/api/v1/admin/keys/{'0' * 11}/{act}", headers=admin), 404)
        assert told["error"]["code"] == "not_found"
        problem(http.post(f"/api/v1/admin/keys/x/{act}", headers=admin), 422)


def test_a_key_that_others_are_in_the_way_of(http: TestClient, admin: Headers) -> None:
    asked = {"client": "north", "roles": ["viewer"], "name": "the only one"}
    made = http.post("/api/v1/admin/keys", json=asked, headers=admin).json()
    http.post(f"/api/v1/admin/keys/{made['id']}/rotate", headers=admin)
    for answer in (
        http.post("/api/v1/admin/keys", json=asked, headers=admin),
        http.post(f"/api/v1/admin/keys/{made['id']}/rotate", headers=admin),
    ):
        assert problem(answer, 409)["error"]["code"] == "key_conflict"


def test_a_day_is_written_as_one(http: TestClient, admin: Headers) -> None:
    for day in ("0", "1795292054", "2026-1-1", "2026-02-30", "2026-01-01T00:00:00"):
        answer = http.get("/api/v1/admin/usage", params={"since": day}, headers=admin)
        assert problem(answer, 422)["error"]["param"] == "since"


def test_a_key_that_cannot_be_made(http: TestClient, admin: Headers) -> None:
    good = {"client": "north", "roles": ["viewer"]}
    wrong: list[tuple[object, int, str | None]] = [
        ([], 422, "body"),
        ({}, 422, "client"),
        ({"client": "north"}, 422, "roles"),
        (good | {"roles": []}, 422, "roles"),
        (good | {"roles": ["root"]}, 422, "roles.0"),
        (good | {"client": "a/b"}, 422, "client"),
        (good | {"client": "north\n"}, 422, "client"),
        (good | {"name": "a\0b"}, 422, "name"),
        (good | {"colour": "red"}, 422, "colour"),
        (good | {"expires_at": "soon"}, 422, "expires_at"),
        (good | {"expires_at": 1}, 400, None),
    ]
    for body, status, param in wrong:
        told = problem(http.post("/api/v1/admin/keys", json=body, headers=admin), status)
        assert told["error"]["param"] == param
    assert len(http.get("/api/v1/admin/keys", headers=admin).json()["data"]) == 1


def test_limits_are_said_whole(http: TestClient, service: Service, admin: Headers) -> None:
    url = "/api/v1/admin/clients/north/limits"
    nothing = {"max_running": None, "max_queued": None, "max_requests_per_min": None, "budget_device_s": None}
    assert http.get(url, headers=admin).json() == {"client": "north", "spent_device_s": 0.0} | nothing
    asked = {"max_running": 2, "budget_device_s": 0.1}
    said = http.put(url, json=asked, headers=admin)
    assert (said.status_code, said.json()) == (200, {"client": "north", "spent_device_s": 0.0} | nothing | asked)
    assert http.get(url, headers=admin).json() == said.json()
    assert newest(service)["budget_device_s"] == "0.1"
    assert http.put(url, json={}, headers=admin).json()["max_running"] is None
    for wrong in ({"max_running": -1}, {"max_running": 2**31}, {"max_running": 1.5}, {"most": 1}):
        problem(http.put(url, json=wrong, headers=admin), 422)


def test_a_limit_of_requests_holds(http: TestClient, admin: Headers, holding: Callable[..., Headers]) -> None:
    url = "/api/v1/admin/clients/north/limits"
    assert http.put(url, json={"max_requests_per_min": 2}, headers=admin).status_code == 200
    theirs = holding("viewer", client="north")
    statuses = [http.get("/api/v1/jobs", headers=theirs).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_usage_is_summed(http: TestClient, service: Service, admin: Headers) -> None:
    waiting = Waiting()
    now_s = service.clock()
    for client, status in (("north", 200), ("north", 404), ("south", 200)):
        waiting.add(Use(at=now_s, client=client, key_id="k", method="GET", route="/r", status=status, duration_s=0.5))
    waiting.add(
        Use(at=now_s - 40 * DAY_S, client="north", key_id="k", method="GET", route="/r", status=200, duration_s=1)
    )
    waiting.flush(service.engine)
    found = http.get("/api/v1/admin/usage", params={"client": "north"}, headers=admin)
    assert found.status_code == 200
    [line] = found.json()["data"]
    assert (line["client"], line["requests"], line["errors"], line["duration_s"]) == ("north", 2, 1, 1.0)
    assert {line["client"] for line in http.get("/api/v1/admin/usage", headers=admin).json()["data"]} >= {"south"}
    wide = {"client": "north", "since": "2001-01-01", "until": "9999-12-31"}
    assert len(http.get("/api/v1/admin/usage", params=wide, headers=admin).json()["data"]) == 2
    backwards = {"since": "2020-01-02", "until": "2020-01-01"}
    assert "exchange them" in problem(http.get("/api/v1/admin/usage", params=backwards, headers=admin), 400)["detail"]
    for wrong in ({"since": "yesterday"}, {"client": "\0"}):
        problem(http.get("/api/v1/admin/usage", params=wrong, headers=admin), 422)
    for edge in ({"until": "0001-01-01"}, {"since": "0001-01-01"}):
        assert http.get("/api/v1/admin/usage", params=edge, headers=admin).status_code == 200


def test_an_operator_cancels_a_job_of_another_client(
    http: TestClient, service: Service, holding: Callable[..., Headers]
) -> None:
    job = submissions.submit(service.engine, {"prompt": "x"}, client="north", now_s=service.clock())
    operator = holding("operator")
    answer = http.post(f"/api/v1/admin/jobs/{job.id}/cancel", headers=operator)
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert newest(service)["job"] == job.id
    problem(http.post(f"/api/v1/admin/jobs/job_{'0' * 24}/cancel", headers=operator), 404)


def test_an_operator_drains_a_worker(http: TestClient, service: Service, holding: Callable[..., Headers]) -> None:
    workers.appear(service.engine, "north:7:cpu", "north", "cpu", service.clock())
    operator = holding("operator")
    answer = http.post("/api/v1/admin/workers/north:7:cpu/drain", headers=operator)
    assert (answer.status_code, answer.json()["draining"]) == (202, True)
    assert [worker.draining for worker in workers.present(service.engine, service.clock())] == [True]
    assert newest(service)["what"] == "worker drained"
    problem(http.post("/api/v1/admin/workers/south/drain", headers=operator), 404)


ROUTES = [
    ("GET", "/api/v1/admin/keys", {"admin"}),
    ("POST", "/api/v1/admin/keys", {"admin"}),
    ("POST", f"/api/v1/admin/keys/{'0' * 11}/revoke", {"admin"}),
    ("POST", f"/api/v1/admin/keys/{'0' * 11}/rotate", {"admin"}),
    ("GET", "/api/v1/admin/clients/north/limits", {"admin"}),
    ("PUT", "/api/v1/admin/clients/north/limits", {"admin"}),
    ("GET", "/api/v1/admin/usage", {"admin", "billing"}),
    ("POST", f"/api/v1/admin/jobs/job_{'0' * 24}/cancel", {"admin", "operator"}),
    ("POST", "/api/v1/admin/workers/south/drain", {"admin", "operator"}),
    ("GET", "/api/v1/webhook", {"admin", "creator"}),
    ("PUT", "/api/v1/webhook", {"admin", "creator"}),
    ("DELETE", "/api/v1/webhook", {"admin", "creator"}),
]


def test_each_route_opens_to_its_roles_alone(http: TestClient, holding: Callable[..., Headers]) -> None:
    for role in ("viewer", "creator", "billing", "operator", "admin"):
        held = holding(role)
        for method, url, opens in ROUTES:
            answer = http.request(method, url, headers=held)
            assert (answer.status_code == 403) == (role not in opens), (role, method, url)
    for method, url, _ in ROUTES:
        problem(http.request(method, url), 401)
