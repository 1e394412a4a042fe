"""What goes with time: files of jobs, pictures that clients gave, previews of what is finished. Jobs themselves stay.

Everything may be done twice and by several gateways at once: what is gone is gone, and no job's row says so before.
"""

import time
from typing import Any

import sqlalchemy as sa

from aiprod_server.database import reading, writing
from aiprod_server.queue.jobs import State
from aiprod_server.storage import Storage
from aiprod_server.tables import QUEUED, RUNNING, job_events, jobs

MOST = 100  # jobs of one call
UNFINISHED_S = 24 * 3600.0  # how long the parts of a job that failed or was cancelled stay, for who looks into it
PREVIEWS_S = 3600.0  # how long a finished job's previews stay, for watchers who come back
LONGEST_OFF_S = 7 * 24 * 3600.0  # of all gateways, after which a preview may stay until its job's files go


def expire(engine: sa.Engine, storage: Storage, *, now_s: float) -> bool:
    """Remove the files of jobs whose time is over, `MOST` of them; whether there may be more."""
    left = jobs.c.files_removed_at.is_(None)
    over = sa.select(jobs.c.id).where(left, jobs.c.expires_at <= now_s).order_by(jobs.c.expires_at)
    ended_badly = sa.and_(jobs.c.expires_at.is_(None), jobs.c.state.in_((State.FAILED, State.CANCELLED)))
    unfinished = sa.select(jobs.c.id).where(left, ended_badly, jobs.c.finished_at <= now_s - UNFINISHED_S)
    with reading(engine) as connection:
        found = connection.scalars(over.limit(MOST)).all()
        found = [*found, *connection.scalars(unfinished.limit(MOST - len(found)))]
    for job_id in found:
        storage.remove(job_id)
    if found:
        with writing(engine) as connection:
            connection.execute(sa.delete(job_events).where(job_events.c.job_id.in_(found), _PREVIEW))
            connection.execute(sa.update(jobs).where(jobs.c.id.in_(found)).values(files_removed_at=now_s))
    return len(found) == MOST


class Previews:
    """Forgets the previews of jobs that have ended, of which a database would soon consist."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._since_s: float | None = None

    def forget(self, now_s: float) -> None:
        """Forget those of jobs that ended an hour ago, as far as that was not done by this."""
        until_s = now_s - PREVIEWS_S
        since_s = until_s - LONGEST_OFF_S if self._since_s is None else self._since_s
        ended = sa.select(jobs.c.id).where(jobs.c.finished_at >= since_s, jobs.c.finished_at < until_s)
        with reading(self._engine) as connection:
            if not connection.execute(ended.limit(1)).one_or_none():
                self._since_s = until_s
                return
        with writing(self._engine, durable=False) as connection:
            connection.execute(sa.delete(job_events).where(job_events.c.job_id.in_(ended), _PREVIEW))
        self._since_s = until_s


def expire_inputs(engine: sa.Engine, storage: Storage, *, older_than_s: float) -> int:
    """Remove pictures that nobody gave again for `older_than_s` and that no job waits for; how many."""
    old = [path for path in storage.inputs() if time.time() - path.stat().st_mtime > older_than_s]
    if not old:
        return 0
    wanted = _wanted(engine)
    gone = [path for path in old if path.name.partition(".")[0] not in wanted]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)


def _wanted(engine: sa.Engine) -> set[str]:
    """SHA-256 of the pictures of jobs that have not ended."""
    found: set[str] = set()
    with reading(engine) as connection:
        for request in connection.scalars(sa.select(jobs.c.request).where(sa.or_(QUEUED, RUNNING))):
            images: list[dict[str, Any]] = request.get("images") or []
            found.update(image["sha256"] for image in images)
    return found


_PREVIEW = job_events.c.kind == "preview"
