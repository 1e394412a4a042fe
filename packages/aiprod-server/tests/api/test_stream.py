"""The events of a job over a real socket: each once, from any place, and nothing of other clients."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa
from gateway_at_work import Gateway, gateway, migrated

from aiprod_server.queue import leases, submissions
from aiprod_server.queue.watching import news

WATCHERS, EVENTS = 12, 60


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for the tests to which the database makes no difference."""
    folder = tmp_path_factory.mktemp("stream")
    with gateway(migrated(f"sqlite:///{folder / 'jobs.db'}"), folder / "storage") as served:
        yield served


@pytest.fixture
def on_both(engine: sa.Engine, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway on SQLite, and one on PostgreSQL."""
    with gateway(engine.url.render_as_string(hide_password=False), tmp_path / "storage") as served:
        yield served


@pytest.fixture
def headers(here: Gateway) -> dict[str, str]:
    return bearer(here)


@pytest.fixture
def job_id(here: Gateway) -> str:
    return submitted(here)


def bearer(here: Gateway, client: str = "ada") -> dict[str, str]:
    return {"Authorization": f"Bearer {here.key(client)}"}


def submitted(here: Gateway) -> str:
    return submissions.submit(here.service.engine, {"prompt": "x"}, client="ada", now_s=here.service.clock()).id


def events_url(here: Gateway, job_id: str) -> str:
    return f"{here.url}/api/v1/jobs/{job_id}/events"


def work(here: Gateway, events: int) -> None:
    """Do the next job as a worker would: claim, report, end."""
    engine, clock = here.service.engine, here.service.clock
    claim = leases.claim(engine, "worker", now_s=clock())
    assert claim is not None
    for done in range(events):
        leases.report(engine, claim, "progress", {"done": done}, now_s=clock())
    leases.fail(engine, claim, "no film today", now_s=clock())


def written(here: Gateway, job_id: str) -> list[str]:
    return [str(event.id) for event in news(here.service.engine, {job_id: 0}, most=10_000)[job_id]]


def test_watchers_who_are_cut_off_see_each_event_once(on_both: Gateway) -> None:
    job_id, headers = submitted(on_both), bearer(on_both)

    def watch(number: int) -> list[str]:
        chance, ids = random.Random(number), []
        with httpx2.Client(headers=headers, timeout=30) as client:
            while True:
                place = {"Last-Event-ID": ids[-1]} if ids else {}
                most = chance.randint(1, EVENTS // 2)
                with client.stream("GET", events_url(on_both, job_id), headers=place) as answer:
                    if answer.status_code == 204:
                        return ids
                    for event in httpx2.EventSource(answer):
                        ids += [event.id] if event.id else []
                        most -= 1
                        if most == 0:
                            break

    with ThreadPoolExecutor(WATCHERS) as pool:
        watching = [pool.submit(watch, number) for number in range(WATCHERS)]
        work(on_both, EVENTS)
        seen = [each.result() for each in watching]
    assert seen == [written(on_both, job_id)] * WATCHERS


def test_a_stream_says_what_happened_and_ends(here: Gateway, headers: dict[str, str], job_id: str) -> None:
    work(here, 1)
    answer = httpx2.get(events_url(here, job_id), headers=headers)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
    retry, *events = answer.text.split("\n\n")[:-1]
    assert 1000 <= int(retry.removeprefix("retry: ")) <= 3000
    assert [event.split("\n")[1] for event in events] == [
        f"event: {kind}" for kind in ("queued", "running", "progress", "failed")
    ]


def test_a_place_in_the_stream(here: Gateway, headers: dict[str, str], job_id: str) -> None:
    work(here, 3)
    ids = written(here, job_id)

    def seen(place: dict[str, str], **more: str) -> list[str]:
        answer = httpx2.get(events_url(here, job_id), params=place, headers=headers | more)
        return [line.removeprefix("id: ") for line in answer.text.split("\n") if line.startswith("id: ")]

    assert seen({"after": ids[2]}) == ids[3:]
    assert seen({"after": ids[0]}, **{"Last-Event-ID": ids[3]}) == ids[4:]  # a browser keeps the address
    assert httpx2.get(events_url(here, job_id), params={"after": ids[-1]}, headers=headers).status_code == 204


@pytest.mark.parametrize("place", ["-1", "first", str(2**63)])
def test_a_place_that_is_none(here: Gateway, headers: dict[str, str], job_id: str, place: str) -> None:
    for answer in (
        httpx2.get(events_url(here, job_id), params={"after": place}, headers=headers),
        httpx2.get(events_url(here, job_id), headers=headers | {"Last-Event-ID": place}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_field")


def test_jobs_of_others_are_not_there(here: Gateway, job_id: str) -> None:
    other = bearer(here, "eve")
    foreign = httpx2.get(events_url(here, job_id), headers=other)
    missing = httpx2.get(events_url(here, "job_" + 24 * "0"), headers=other)
    assert foreign.status_code == missing.status_code == 404
    assert foreign.json()["detail"].replace(job_id, "") == missing.json()["detail"].replace("job_" + 24 * "0", "")
    assert httpx2.get(events_url(here, job_id)).status_code == 401


def test_watchers_do_not_hold_up_the_end_of_the_process(tmp_path: Path) -> None:
    seen: list[str] = []
    connected = threading.Event()

    def watch(url: str, key: str) -> None:
        with httpx2.stream("GET", url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as answer:
            for line in answer.iter_lines():
                seen.append(line)
                connected.set()

    with gateway(migrated(f"sqlite:///{tmp_path / 'jobs.db'}"), tmp_path / "storage") as here:
        watcher = threading.Thread(target=watch, args=(events_url(here, submitted(here)), here.key()))
        watcher.start()
        assert connected.wait(30)
    watcher.join(30)
    assert not watcher.is_alive()
    assert not any("failed" in line for line in seen)
