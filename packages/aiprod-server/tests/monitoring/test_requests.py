"""What a gateway answers is counted by route and status, whatever the path, and each request has an id of its own."""

import logging

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.middleware import Middleware
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from starlette.routing import Route

from aiprod_server.access.identity import Caller
from aiprod_server.monitoring.logs import REQUEST_ID
from aiprod_server.monitoring.requests import HEADER, NO_ROUTE, Recorded, Seen, Watched, Window, log_access, percentile

UUID = "0F8FAD5B-D9CB-469F-A165-70867728950E"


@pytest.fixture
def seen() -> list[Seen]:
    return []


@pytest.fixture
def client(seen: list[Seen]) -> TestClient:
    router = APIRouter(prefix="/api/v1")

    @router.get("/jobs/{job_id}")
    def job(job_id: str, request: Request) -> dict[str, str | None]:
        request.state.caller = Caller(client="studio", key_id="k", scopes=frozenset())
        return {"state": request.state.request_id, "log": REQUEST_ID.get()}

    @router.get("/broken")
    def broken() -> None:
        raise ValueError("no")

    @router.get("/stream")
    def stream() -> StreamingResponse:
        return StreamingResponse(iter(["data: 1\n\n"]), media_type="text/event-stream")

    app = FastAPI()
    app.include_router(router)
    app.add_middleware(Watched, listeners=[seen.append])
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/v1/jobs/job_1?prompt=secret", ("GET", "/api/v1/jobs/{job_id}", 200)),
        ("POST", "/api/v1/jobs/job_1", ("POST", "/api/v1/jobs/{job_id}", 405)),
        ("GET", "/api/v1/broken", ("GET", "/api/v1/broken", 500)),
        ("GET", "/api/v1/stream", ("GET", "/api/v1/stream", 200)),
        ("GET", "/random/3456", ("GET", NO_ROUTE, 404)),
        ("BREW", "/api/v1/stream", ("OTHER", "/api/v1/stream", 405)),
    ],
)
def test_a_request_is_known_by_its_route(
    client: TestClient, seen: list[Seen], method: str, path: str, expected: tuple[str, str, int]
) -> None:
    client.request(method, path)
    (one,) = seen
    assert (one.method, one.route, one.status) == expected
    assert one.duration_s > 0


def test_the_id_is_the_clients_own_where_it_is_a_uuid(client: TestClient, seen: list[Seen]) -> None:
    said = client.get("/api/v1/jobs/a", headers={HEADER: UUID}).json()
    assert said == {"state": UUID.lower(), "log": UUID.lower()}
    client.get("/api/v1/jobs/a", headers={HEADER: b"x\xe9\x85'; drop"})
    assert seen[0].request_id == UUID.lower() != seen[1].request_id
    assert len(seen[1].request_id) == 36
    assert (seen[0].client, seen[0].key_id) == ("studio", "k")


def test_the_id_is_on_every_answer(client: TestClient, seen: list[Seen]) -> None:
    for path in ("/api/v1/jobs/a", "/nothing", "/api/v1/stream"):
        assert client.get(path).headers[HEADER] == seen[-1].request_id


def test_a_fault_is_told_and_goes_on(seen: list[Seen], caplog: pytest.LogCaptureFixture) -> None:
    faults: list[Exception] = []

    def broken(request: Request) -> None:
        raise ValueError("a prompt")

    def told(error: Exception) -> None:
        faults.append(error)
        raise OSError("the database is down")

    app = FastAPI(routes=[Route("/broken", broken)], middleware=[Middleware(Recorded, on_error=told)])
    assert TestClient(app, raise_server_exceptions=False).get("/broken").status_code == 500
    assert [str(fault) for fault in faults] == ["a prompt"]
    assert [record.getMessage() for record in caplog.records] == ["an error could not be written down: OSError"]


def test_the_log_of_access_has_no_path_and_no_query(
    client: TestClient, seen: list[Seen], caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/api/v1/jobs/job_77?prompt=secret")
    with caplog.at_level(logging.INFO):
        log_access(seen[0])
    (record,) = caplog.records
    assert record.getMessage().startswith("GET /api/v1/jobs/{job_id} 200 ")
    assert "job_77" not in repr(record.__dict__)
    assert "secret" not in repr(record.__dict__)


def _one(duration_s: float, status: int = 200, route: str = "/a") -> Seen:
    return Seen(method="GET", route=route, status=status, duration_s=duration_s, request_id="", client=None)


def test_percentiles_are_of_values_that_were_measured() -> None:
    ordered = [float(n) for n in range(1, 101)]
    assert [percentile(ordered, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([7.0], 0.5) == percentile([7.0], 0.99) == 7


def test_a_window_forgets_what_is_old_and_what_is_too_much() -> None:
    moment = 0.0
    window = Window(window_s=10.0, most=3, clock=lambda: moment)
    for at_s, duration_s in ((0.0, 1.0), (6.0, 2.0), (12.0, 3.0)):
        moment = at_s
        window(_one(duration_s))
    (figures,) = window.read()
    assert (figures.requests, figures.p50_s, figures.p99_s) == (2, 2.0, 3.0)
    for _ in range(5):
        window(_one(4.0))
    assert window.read()[0].requests == 3
    moment = 30.0
    assert window.read() == ()


def test_errors_are_the_services_and_refusals_the_clients() -> None:
    window = Window()
    for status in (200, 200, 404, 500):
        window(_one(0.1, status))
    window(_one(0.1, route="/b"))
    busiest, other = window.read()
    assert (busiest.route, busiest.requests, busiest.refused, busiest.errors) == ("/a", 4, 1, 1)
    assert busiest.error_rate == 0.25
    assert (other.route, other.error_rate) == ("/b", 0.0)
