"""What goes with time: files of jobs that expired or never came to an end, previews, pictures; and what stays."""

import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from aiprod_server.database import reading
from aiprod_server.queue import expiry, leases, submissions
from aiprod_server.storage import Storage
from aiprod_server.tables import job_events, jobs

DAY_S = 86_400.0
PICTURE = b"a picture"


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "storage")


def rendered(engine: sa.Engine, storage: Storage, *, now_s: float, keep_s: float | None) -> str:
    """A completed job with a file and a preview."""
    job = submissions.submit(engine, {"kind": "clip"}, client="ada", now_s=now_s)
    held = leases.claim(engine, "w", now_s=now_s)
    assert held is not None
    leases.report(engine, held, "preview", {"image": "data:"}, now_s=now_s)
    storage.write(job.id, "clip.mp4", b"film", attempt=1)
    expires_at = None if keep_s is None else now_s + keep_s
    leases.complete(
        engine, held, device_s=1.0, cost_microeur=1, result={"files": {}}, expires_at=expires_at, now_s=now_s
    )
    return job.id


def removed(engine: sa.Engine) -> dict[str, float | None]:
    with reading(engine) as connection:
        rows = connection.execute(sa.select(jobs.c.id, jobs.c.files_removed_at))
        return {row.id: row.files_removed_at for row in rows}


def kinds(engine: sa.Engine, job_id: str) -> list[str]:
    with reading(engine) as connection:
        wanted = sa.select(job_events.c.kind).where(job_events.c.job_id == job_id).order_by(job_events.c.id)
        return list(connection.scalars(wanted))


def test_files_go_when_their_time_is_over(engine: sa.Engine, storage: Storage) -> None:
    old = rendered(engine, storage, now_s=0.0, keep_s=10.0)
    young = rendered(engine, storage, now_s=0.0, keep_s=20.0)
    kept = rendered(engine, storage, now_s=0.0, keep_s=None)
    assert not expiry.expire(engine, storage, now_s=10.0)
    assert [storage.job_file(job, "clip.mp4").exists() for job in (old, young, kept)] == [False, True, True]
    assert removed(engine) == {old: 10.0, young: None, kept: None}
    assert submissions.job(engine, old).state == "completed"
    assert kinds(engine, old) == ["queued", "running", "completed"]


def test_what_is_gone_is_not_looked_for_again(engine: sa.Engine, storage: Storage) -> None:
    job = rendered(engine, storage, now_s=0.0, keep_s=10.0)
    expiry.expire(engine, storage, now_s=10.0)
    expiry.expire(engine, storage, now_s=99.0)
    assert removed(engine) == {job: 10.0}


def test_more_than_fit_into_one_call_are_told(
    engine: sa.Engine, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "MOST", 2)
    for _ in range(3):
        rendered(engine, storage, now_s=0.0, keep_s=1.0)
    assert expiry.expire(engine, storage, now_s=5.0)
    assert not expiry.expire(engine, storage, now_s=5.0)
    assert set(removed(engine).values()) == {5.0}


def test_parts_of_a_job_that_never_was_finished_go_after_a_day(engine: sa.Engine, storage: Storage) -> None:
    job = submissions.submit(engine, {"kind": "clip"}, client="ada", now_s=0.0)
    storage.write(job.id, "clip.mp4", b"half", attempt=1)
    submissions.cancel(engine, job.id, now_s=1.0)
    expiry.expire(engine, storage, now_s=DAY_S)
    assert storage.job_file(job.id, "clip.mp4").exists()
    expiry.expire(engine, storage, now_s=DAY_S + 1.0)
    assert not storage.job_file(job.id, "clip.mp4").exists()


def test_files_of_a_job_whose_deleter_died_go_too(engine: sa.Engine, storage: Storage) -> None:
    job = rendered(engine, storage, now_s=0.0, keep_s=10.0)
    submissions.delete(engine, job, now_s=1.0)
    expiry.expire(engine, storage, now_s=10.0)
    assert not storage.job_file(job, "clip.mp4").exists()


def test_previews_go_an_hour_after_the_end(engine: sa.Engine, storage: Storage) -> None:
    job = rendered(engine, storage, now_s=0.0, keep_s=None)
    waiting = submissions.submit(engine, {"kind": "clip"}, client="ada", now_s=0.0)
    held = leases.claim(engine, "w", now_s=0.0)
    assert held is not None
    leases.report(engine, held, "preview", {}, now_s=1.0)
    previews = expiry.Previews(engine)
    previews.forget(expiry.PREVIEWS_S)
    assert "preview" in kinds(engine, job)
    previews.forget(expiry.PREVIEWS_S + 1.0)
    assert kinds(engine, job) == ["queued", "running", "completed"]
    assert "preview" in kinds(engine, waiting.id)
    previews.forget(expiry.PREVIEWS_S + 2.0)


def test_pictures_go_when_nobody_waits_for_them(engine: sa.Engine, storage: Storage) -> None:
    wanted, forgotten, fresh = (
        storage.keep_input(PICTURE + suffix, client="ada", suffix=".png") for suffix in (b"1", b"2", b"3")
    )
    for sha256 in (wanted, forgotten):
        os.utime(storage.input_path("ada", sha256), (0, 0))
    request = {"kind": "clip", "images": [{"sha256": wanted, "frame": 0, "strength": 1.0}]}
    job = submissions.submit(engine, request, client="ada", now_s=0.0)
    assert expiry.expire_inputs(engine, storage, older_than_s=DAY_S) == 1
    assert {path.stem for path in storage.inputs()} == {wanted, fresh}
    submissions.cancel(engine, job.id, now_s=1.0)
    assert expiry.expire_inputs(engine, storage, older_than_s=DAY_S) == 1
    assert {path.stem for path in storage.inputs()} == {fresh}
