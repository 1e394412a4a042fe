"""Files of a job: whole, in parts, by their hash, as long as they are kept."""

import hashlib
from typing import Any

import pytest
import sqlalchemy as sa
from door import Door, problem

from aiprod_server.database import writing
from aiprod_server.queue import leases
from aiprod_server.tables import jobs

FILM = bytes(range(256)) * 4
SHA256 = hashlib.sha256(FILM).hexdigest()
QA = b'{"passed": true}'


@pytest.fixture
def job(door: Door) -> str:
    """A completed job with a video and a report."""
    made = door.generate()["id"]
    service = door.service
    held = leases.claim(service.engine, "w", now_s=service.clock())
    assert held is not None
    assert held.job_id == made
    files = {
        role: {"name": name, "media_type": kind, **vars(service.storage.write(made, name, content, attempt=1))}
        for role, name, kind, content in (
            ("video", "clip.mp4", "video/mp4", FILM),
            ("qa", "qa.json", "application/json", QA),
        )
    }
    leases.complete(
        service.engine,
        held,
        device_s=1.0,
        cost_microeur=1,
        now_s=service.clock(),
        result={"files": files, "seed": 7},
        expires_at=service.clock() + 3600,
    )
    return made


def got(door: Door, job: str, method: str = "GET", variant: str = "video", **headers: str) -> Any:
    path = f"/api/v1/jobs/{job}/download?variant={variant}"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return door.http.request(method, path, headers=door.headers | named)


def test_a_file_comes_whole_under_its_hash(door: Door, job: str) -> None:
    answer = got(door, job)
    assert (answer.status_code, answer.content) == (200, FILM)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["etag"] == f'"{SHA256}"'
    assert answer.headers["content-disposition"] == f'attachment; filename="{job}-clip.mp4"'
    assert answer.headers["accept-ranges"] == "bytes"
    told = door.http.get(f"/api/v1/jobs/{job}", headers=door.headers).json()["result"]["files"]
    assert told["video"]["sha256"] == SHA256
    assert door.http.get(told["qa"]["href"], headers=door.headers).content == QA


def test_head_says_all_but_the_file(door: Door, job: str) -> None:
    answer = got(door, job, "HEAD")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", str(len(FILM)))


@pytest.mark.parametrize(
    ("wanted", "part", "said"),
    [
        ("bytes=0-3", FILM[:4], "bytes 0-3/1024"),
        ("bytes=1000-", FILM[1000:], "bytes 1000-1023/1024"),
        ("bytes=-24", FILM[-24:], "bytes 1000-1023/1024"),
        ("bytes=1000-9999", FILM[1000:], "bytes 1000-1023/1024"),
        ("bytes=-9999", FILM, "bytes 0-1023/1024"),
    ],
)
def test_a_part_is_that_part(door: Door, job: str, wanted: str, part: bytes, said: str) -> None:
    answer = got(door, job, range=wanted)
    assert (answer.status_code, answer.content) == (206, part)
    assert answer.headers["content-range"] == said


def test_several_parts_come_as_one_answer(door: Door, job: str) -> None:
    answer = got(door, job, range="bytes=0-1,1022-")
    assert answer.status_code == 206
    assert answer.headers["content-type"].startswith("multipart/byteranges")
    assert answer.content.count(b"Content-Range") + answer.content.count(b"content-range") == 2


@pytest.mark.parametrize("wanted", ["bytes=1024-", "bytes=2000-3000", "bytes=-0", "bytes=5000-,6000-"])
def test_a_part_that_is_not_there_is_said(door: Door, job: str, wanted: str) -> None:
    answer = got(door, job, range=wanted)
    problem(answer, 416, "range_not_satisfiable")
    assert answer.headers["content-range"] == "bytes */1024"


@pytest.mark.parametrize("wanted", ["bytes=3-1", "lines=0-3", "bytes=a-b", "bytes=", "nonsense", "bytes=0-1," * 30])
def test_a_range_that_is_not_understood_is_ignored(door: Door, job: str, wanted: str) -> None:
    answer = got(door, job, range=wanted)
    assert (answer.status_code, answer.content) == (200, FILM)


def test_a_part_goes_on_only_of_the_same_file(door: Door, job: str) -> None:
    assert got(door, job, range="bytes=0-3", if_range=f'"{SHA256}"').status_code == 206
    assert got(door, job, range="bytes=0-3", if_range='"another"').status_code == 200


def test_what_is_there_already_is_not_sent_again(door: Door, job: str) -> None:
    answer = got(door, job, if_none_match=f'"other", W/"{SHA256}"')
    assert (answer.status_code, answer.content) == (304, b"")


def test_what_the_job_did_not_make_is_not_there(door: Door, job: str) -> None:
    assert "video, qa" in problem(got(door, job, variant="thumbnail"), 404, "not_found", "variant")


def test_a_job_that_has_not_ended_has_no_file_yet(door: Door) -> None:
    waiting = door.generate()["id"]
    assert "is queued" in problem(got(door, waiting), 404, "not_found")
    door.http.post(f"/api/v1/jobs/{waiting}/cancel", headers=door.headers)  # the next test claims its own


def test_a_file_that_expired_is_gone(door: Door, job: str) -> None:
    with writing(door.service.engine) as connection:
        connection.execute(sa.update(jobs).where(jobs.c.id == job).values(expires_at=door.service.clock()))
    assert "submit it again" in problem(got(door, job), 410, "gone")
    assert door.http.get(f"/api/v1/jobs/{job}", headers=door.headers).json()["state"] == "completed"


def test_a_file_that_was_removed_is_gone(door: Door, job: str) -> None:
    door.service.storage.remove(job)
    problem(got(door, job), 410, "gone")
