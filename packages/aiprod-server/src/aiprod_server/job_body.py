"""A job as clients see it: over `/api/v1`, and in webhooks. Knows no request."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from aiprod_server.queue.jobs import Job, State

Status = Literal["pending", "running", "completed", "error"]
STATUSES: Mapping[State, Status] = {
    State.QUEUED: "pending",
    State.RUNNING: "running",
    State.COMPLETED: "completed",
    State.FAILED: "error",
    State.CANCELLED: "error",
}


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True)


class FileBody(_Body):
    """A file that a job made. `href`: where it is downloaded."""

    name: str
    media_type: str
    size_bytes: int = Field(ge=0)
    sha256: str
    href: str


class QABody(_Body):
    passed: bool
    faults: tuple[str, ...] = ()


class ResultBody(_Body):
    """What a completed job made; `device_s` is the device time that it took, in seconds."""

    files: dict[str, FileBody]
    seed: int | None = None
    num_frames: int | None = None
    frame_rate: float | None = None
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    device_s: float | None = None
    qa: QABody | None = None
    verdict: str | None = None


class JobBody(_Body):
    """A job. Times are seconds since 1970 UTC. `state` says all, `status` is coarser: a cancelled job is an `error`.

    `request`: what is rendered, with what was left out filled in, the seed for one. `snapped`: field → what was asked
    for, and the nearest that the model can do.
    """

    object: Literal["job"] = "job"
    id: str
    kind: str
    tier: str
    state: State
    status: Status
    progress: float = Field(ge=0, le=1)
    request: dict[str, Any]
    snapped: dict[str, tuple[Any, Any]]
    created_at: float
    started_at: float | None
    finished_at: float | None
    expires_at: float | None
    estimate_s: float | None
    attempt: int
    max_attempts: int
    reason: str | None
    result: ResultBody | None

    @classmethod
    def of(cls, job: Job) -> Self:
        """The job as its client sees it."""
        request = dict(job.request)
        return cls(
            id=job.id,
            kind=job.kind,
            tier=job.tier,
            state=job.state,
            status=STATUSES[job.state],
            progress=job.progress,
            snapped=request.pop("snapped", {}),
            request=request,
            created_at=job.submitted_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            expires_at=job.expires_at,
            estimate_s=job.estimate_s,
            attempt=job.attempt,
            max_attempts=job.max_attempts,
            reason=job.reason,
            result=None if job.result is None else _result(job.id, job.result),
        )


class JobsBody(_Body):
    """A page of jobs; the next one is asked for with `after=last_id`."""

    object: Literal["list"] = "list"
    data: tuple[JobBody, ...]
    first_id: str | None
    last_id: str | None
    has_more: bool


def _result(job_id: str, result: Mapping[str, Any]) -> ResultBody:
    files = {
        role: {**facts, "href": f"/api/v1/jobs/{job_id}/download?variant={role}"}
        for role, facts in result.get("files", {}).items()
    }
    return ResultBody.model_validate({**result, "files": files})
