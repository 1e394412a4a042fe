"""The words of the queue: a job, its state, a worker's claim on it, its events, and what can go wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiprod_core.errors import AiprodError, InputError


class State(StrEnum):
    """queued → running → completed, failed or cancelled; a retry goes back to queued."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = (State.COMPLETED, State.FAILED, State.CANCELLED)
REJECTED = "technical QA: got "  # how the reason of a job begins whose files are not fit to be delivered


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as it stands. Times are seconds since 1970 UTC."""

    id: str
    client: str
    state: State
    priority: int  # the smallest goes first
    kind: str  # "clip" or "film"
    tier: str  # "eco", "standard" or "premium"
    estimate_s: float | None  # of device time, as the client was told
    request: Mapping[str, Any]
    webhook_url: str | None = field(repr=False)  # such URLs often bear a token
    submitted_at: float
    run_at: float  # not before
    attempt: int  # how many times it was started
    max_attempts: int
    started_at: float | None  # of the latest attempt
    finished_at: float | None
    reason: str | None  # of the latest failure, or of the end
    progress: float  # 0 to 1
    result: Mapping[str, Any] | None  # of a completed job: its files by role, and what they are
    expires_at: float | None  # when its files go
    deleted_at: float | None


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A worker's right to a job, until its lease ends or another attempt begins."""

    job_id: str
    client: str
    worker: str
    attempt: int  # the fencing token: every write of the worker carries it
    max_attempts: int
    kind: str
    tier: str
    batch_key: str | None  # jobs of one key can be rendered together; null: alone
    estimate_s: float | None  # of device time
    submitted_at: float
    request: Mapping[str, Any]
    steps: Mapping[str, str]  # name → SHA-256 of the steps that earlier attempts finished


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to a job; `id` grows, and is the `Last-Event-ID` of a stream."""

    id: int
    at: float
    kind: str
    data: Mapping[str, Any]


class JobLost(AiprodError):
    """The job is no longer this worker's: cancelled, ended, or taken over after its lease. Stop, and write nothing."""


class UnknownJob(InputError):
    """No job of this client has this id."""


class NotEnded(InputError):
    """A job that is queued or running cannot be deleted; it is cancelled first."""


class KeyReused(InputError):
    """An idempotency key came back with another request."""


class QuotaExceeded(InputError):
    """A client's queue is full, or its budget is spent; after `retry_after_s` seconds it may be otherwise."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
