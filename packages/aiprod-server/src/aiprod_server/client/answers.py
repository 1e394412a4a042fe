"""What the service says, as a client reads it. Knows no HTTP. Fields that a newer service adds are passed over."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

ENDED = frozenset({"completed", "failed", "cancelled"})


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class File(Answer):
    """A file that a job made."""

    name: str
    media_type: str
    size_bytes: int
    sha256: str


class Result(Answer):
    """What a completed job made, by its role: video, thumbnail, receipt, qa. `device_s`: what it is charged for."""

    files: dict[str, File]
    duration_s: float | None = None
    device_s: float | None = None
    verdict: str | None = None


class Job(Answer):
    """A job as it stands. Times are seconds since 1970 UTC, `progress` is 0 to 1.

    `state`: queued, running, completed, failed or cancelled. `snapped`: field → what was asked for, and what is made.
    """

    id: str
    kind: str
    tier: str
    state: str
    progress: float
    request: dict[str, Any]
    snapped: dict[str, tuple[Any, Any]] = Field(default_factory=dict)
    created_at: float
    started_at: float | None = None
    finished_at: float | None = None
    expires_at: float | None = None
    estimate_s: float | None = None
    attempt: int = 0
    max_attempts: int = 1
    reason: str | None = None
    result: Result | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ENDED


class Jobs(Answer):
    """A page of jobs."""

    data: tuple[Job, ...]
    has_more: bool
    last_id: str | None


class Model(Answer):
    """A model that requests can name: frames are `frame_step` · n + 1, sides multiples of `side_step_px`."""

    id: str
    version: str
    frame_step: int
    side_step_px: int
    sample_rate_hz: int
    default: bool = False


class Models(Answer):
    data: tuple[Model, ...]


class Estimate(Answer):
    """What a request would take and cost; None where the service does not know. `basis`: what it is reckoned from."""

    tier: str
    device_s: float | None
    wait_s: float | None
    cost_eur: float | None
    basis: str
    stages_s: dict[str, float] = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to a job, at `at` seconds since 1970 UTC; `id` is the place in its stream."""

    id: int
    kind: str
    at: float
    data: Mapping[str, Any]
