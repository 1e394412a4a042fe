"""A clip in the shape of OpenAI's API of videos: what may be asked for, and the object that comes back.

Beside OpenAI's own fields are those that other servers of this shape share: fps, num_frames, width, height,
num_inference_steps, guidance_scale, negative_prompt, seed. Knows the shape; what a clip is, `requests` and `orders` do.
"""

import base64
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from aiprod_server.api.orders import FRAME_RATE_HZ
from aiprod_server.api.requests import (
    MOST_FRAMES,
    ClipBody,
    Frames,
    Guidance,
    ModelName,
    NoText,
    Picture,
    Rate,
    Seed,
    Side,
    Steps,
    Text,
    without_null,
)
from aiprod_server.orchestration.blocks import Tier
from aiprod_server.queue.jobs import Job, State

STATUSES: Mapping[State, Literal["queued", "in_progress", "completed", "failed"]] = {
    State.QUEUED: "queued",
    State.RUNNING: "in_progress",
    State.COMPLETED: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "failed",  # OpenAI's videos cannot be cancelled; `error.code` says it
}
SAID = ("model", "negative_prompt", "seed", "width", "height", "num_frames", "num_inference_steps", "guidance_scale")
REMIXED = (*SAID, "tier", "frame_rate", "audio")  # what a remix has of the request that it varies

_SIDE = r"(1[6-9]|[2-9][0-9]|[1-9][0-9]{2}|1[0-9]{3}|20[0-3][0-9]|204[0-8])"  # 16 to 2048, as `requests.Side`
Seconds = Annotated[str, Field(pattern=r"^([1-9][0-9]{0,2}(\.[0-9]{1,3})?|0\.[0-9]{0,2}[1-9])$", examples=["4"])]
Size = Annotated[str, Field(pattern=f"^{_SIDE}x{_SIDE}$", examples=["320x256"])]


class _Fields(BaseModel):
    """`num_frames` stands above `seconds`, and `width` and `height` above `size`, where both are there."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    prompt: Text
    model: ModelName | None = None
    seconds: Seconds | None = None
    size: Size | None = None
    tier: Tier = "standard"
    fps: Rate | None = None
    num_frames: Frames | None = None
    width: Side | None = None
    height: Side | None = None
    num_inference_steps: Steps | None = None
    guidance_scale: Guidance | None = None
    negative_prompt: NoText | None = None
    seed: Seed | None = None

    def clip(self, image_url: str | None = None) -> ClipBody:
        """The clip that is asked for, which begins with the picture of `image_url`."""
        asked = self.model_dump(exclude_none=True, exclude={"fps", "seconds", "size", "input_reference", "image_url"})
        if image_url is not None:
            asked["images"] = ({"data": image_url},)
        if self.fps is not None:
            asked["frame_rate"] = self.fps
        if self.size is not None:
            width, _, height = self.size.partition("x")
            asked = {"width": int(width), "height": int(height)} | asked
        if self.seconds is not None:
            frames = round(float(self.seconds) * (self.fps or FRAME_RATE_HZ))
            asked = {"num_frames": min(max(frames, 1), MOST_FRAMES)} | asked
        return ClipBody(**asked)


class ImageReference(BaseModel):
    """`image_url`: a data: URL of a PNG, JPEG or WebP in base64; nothing is fetched from elsewhere."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image_url: Picture


class VideoCreate(_Fields):
    """A video to make. `input_reference`: the picture that it begins with."""

    input_reference: ImageReference | None = None

    def body(self) -> ClipBody:
        """The clip that is asked for."""
        return self.clip(self.input_reference.image_url if self.input_reference else None)


class VideoForm(_Fields):
    """The same as a form. `input_reference`: a file, or as OpenAI's SDK writes what is none, its URL in brackets."""

    model_config = ConfigDict(json_schema_extra=without_null)

    input_reference: Annotated[bytes | None, Field(json_schema_extra={"format": "image"})] = None
    image_url: Picture | None = Field(None, alias="input_reference[image_url]")

    def body(self) -> ClipBody:
        """The clip that is asked for, without the picture that is a file."""
        return self.clip(self.image_url)


class RemixCreate(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: Text


class VideoError(BaseModel):
    code: Literal["generation_failed", "cancelled"]
    message: str


class Video(BaseModel):
    """A video. Times are whole seconds since 1970 UTC; `seconds` is its true length, `progress` is in percent.

    `snapped`: field → what was asked for, and the nearest that the model can do, which is made.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    object: Literal["video"] = "video"
    model: str
    status: Literal["queued", "in_progress", "completed", "failed"]
    progress: int = Field(ge=0, le=100)
    created_at: int
    completed_at: int | None
    expires_at: int | None
    size: str
    seconds: str
    error: VideoError | None
    prompt: str
    remixed_from_video_id: str | None
    fps: float
    num_frames: int
    width: int
    height: int
    num_inference_steps: int
    guidance_scale: float
    negative_prompt: str
    seed: int
    tier: Tier
    snapped: dict[str, tuple[Any, Any]]

    @classmethod
    def of(cls, job: Job) -> Self:
        """The clip of a job."""
        request, completed = job.request, job.state is State.COMPLETED
        return cls(
            id=job.id,
            status=STATUSES[job.state],
            progress=100 if completed else min(99, int(100 * job.progress)),
            created_at=int(job.submitted_at),
            completed_at=int(job.finished_at) if completed and job.finished_at is not None else None,
            expires_at=None if job.expires_at is None else int(job.expires_at),
            size=f"{request['width']}x{request['height']}",
            seconds=f"{request['num_frames'] / request['frame_rate']:.3f}".rstrip("0").rstrip("."),
            error=_error(job),
            remixed_from_video_id=request.get("remixed_from"),
            fps=request["frame_rate"],
            **{name: request[name] for name in (*SAID, "prompt", "tier", "snapped")},
        )


class VideoPage(BaseModel):
    """A page of videos; the next one is asked for with `after=last_id`."""

    object: Literal["list"] = "list"
    data: tuple[Video, ...]
    first_id: str | None
    last_id: str | None
    has_more: bool


class VideoDeleted(BaseModel):
    id: str
    deleted: Literal[True] = True
    object: Literal["video.deleted"] = "video.deleted"


def remix(request: Mapping[str, Any], prompt: str, pictures: Mapping[str, bytes]) -> ClipBody:
    """The clip of `request` with another prompt, and all else alike: seed, sizes and pictures too.

    Args:
        pictures: SHA-256 → content of those that the request names.
    """
    camera = request.get("camera")
    images = tuple(
        {"data": _data_url(pictures[one["sha256"]]), "frame": one["frame"], "strength": one["strength"]}
        for one in request["images"]
    )
    return ClipBody(
        prompt=prompt,
        images=images,  # type: ignore[arg-type]  # pydantic makes them pictures
        camera=None if camera is None else {"move": camera[0], "strength": camera[1]},  # type: ignore[arg-type]
        **{name: request[name] for name in REMIXED},
    )


def _error(job: Job) -> VideoError | None:
    match job.state:
        case State.FAILED:
            return VideoError(code="generation_failed", message=job.reason or "the video could not be made")
        case State.CANCELLED:
            return VideoError(code="cancelled", message="the video was cancelled")
        case _:
            return None


def _data_url(content: bytes) -> str:
    # Any type of picture will do: its bytes are read, and its name is not.
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"
