"""/v1/videos: clips over HTTP as OpenAI's API has them, so that its clients work here unchanged.

The same jobs as under /api/v1, by the same way in; only the shape differs, which is in `openai_shape`. A field that is
not as it must be is a 400 here, which OpenAI's clients know as a bad request.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from aiprod_server.access.identity import Caller, allowed
from aiprod_server.api import orders
from aiprod_server.api.downloads import BINARY, file_response, stored
from aiprod_server.api.errors import invalid_field
from aiprod_server.api.jobs import IdempotencyKey
from aiprod_server.api.openai_shape import RemixCreate, Video, VideoCreate, VideoDeleted, VideoForm, VideoPage, remix
from aiprod_server.api.reading import FORM, JSON, form_body, json_body, media_type
from aiprod_server.api.refusals import SUBMITTING, refusals
from aiprod_server.api.schema import reads
from aiprod_server.api.service import Here, Service
from aiprod_server.orchestration.sanitizer import FieldError
from aiprod_server.problem import Code, ProblemError
from aiprod_server.queue import listing, submissions
from aiprod_server.queue.jobs import Job, UnknownJob

CREATE, REMIX = TypeAdapter(VideoCreate), TypeAdapter(RemixCreate)

CODES: Mapping[Code, Code] = {"invalid_field": "invalid_request"}
NAMES = {"image": "input_reference", "images.0.data": "input_reference"}  # as `orders` calls what it is given

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Reader = Annotated[Caller, Depends(allowed("jobs:read"))]
Submitter = Annotated[Caller, Depends(allowed("jobs:submit"))]
Canceller = Annotated[Caller, Depends(allowed("jobs:cancel"))]


class OpenAIRoute(APIRoute):
    """Answers 400 where the rest of the API answers 422 for a field, as OpenAI does."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                fault = invalid_field([{**fault, "loc": fault["loc"][1:]} for fault in error.errors()])
                raise _renamed(fault) from None
            except FieldError as error:
                raise ProblemError("invalid_request", str(error), param=error.field) from None
            except ProblemError as error:
                raise _renamed(error) from None

        return handled


def _renamed(error: ProblemError) -> ProblemError:
    """The same with the code that OpenAI has for it, and the field that the request had."""
    param = NAMES.get(error.param or "", error.param)
    told = str(error) if param is None else str(error).replace(f"{error.param}: ", f"{param}: ", 1)
    return ProblemError(CODES.get(error.code, error.code), told, param=param, headers=error.headers)


router = APIRouter(tags=["videos"], route_class=OpenAIRoute)


@router.post(
    "/v1/videos",
    operation_id="create_video",
    responses=refusals(*SUBMITTING),
    openapi_extra=reads({JSON: CREATE, FORM: VideoForm}),
)
async def create(request: Request, caller: Submitter, service: Here, idempotency_key: IdempotencyKey = None) -> Video:
    """Queue a video."""
    picture = None
    if media_type(request, JSON, FORM) == FORM:
        form = await form_body(request, VideoForm)
        body, picture = form.body(), form.input_reference
    else:
        body = (await json_body(request, CREATE)).body()
    submitted = await run_in_threadpool(
        orders.submit, service, caller, body, picture=picture, idempotency_key=idempotency_key
    )
    return Video.of(submitted.job)


@router.get("/v1/videos", operation_id="list_videos", responses=refusals("invalid_request", "not_found"))
def videos(
    caller: Reader,
    service: Here,
    after: Annotated[str | None, Query(description="The id of the last video of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=listing.MOST)] = 20,
    order: Annotated[Literal["asc", "desc"], Query(description="By submission.")] = "desc",
) -> VideoPage:
    """The caller's videos, page by page."""
    page = listing.page(
        service.engine, client=caller.client, after=after, limit=limit, newest_first=order == "desc", kind="clip"
    )
    data = tuple(Video.of(job) for job in page.jobs)
    first, last = (data[0].id, data[-1].id) if data else (None, None)
    return VideoPage(data=data, first_id=first, last_id=last, has_more=page.has_more)


@router.get("/v1/videos/{video_id}", operation_id="video", responses=refusals("not_found"))
def video(video_id: str, caller: Reader, service: Here) -> Video:
    """A video as it stands."""
    return Video.of(_clip(service, video_id, caller))


@router.get(
    "/v1/videos/{video_id}/content",
    operation_id="video_content",
    response_class=Response,
    responses={
        200: {"description": "The whole file", "content": {"video/mp4": BINARY, "image/jpeg": BINARY}},
        206: {"description": "The parts that Range asks for", "content": {"*/*": BINARY}},
        304: {"description": "The file that If-None-Match names"},
        **refusals("invalid_request", "not_found", "gone", "range_not_satisfiable"),
    },
)
async def content(
    request: Request,
    video_id: str,
    caller: Reader,
    service: Here,
    variant: Annotated[Literal["video", "thumbnail"], Query()] = "video",
) -> Response:
    """The video, or the picture that stands for it."""
    job = await run_in_threadpool(_clip, service, video_id, caller)
    path, facts = await run_in_threadpool(stored, service, job, variant)
    return file_response(request, path, facts, f"{job.id}-{path.name}")


@router.delete("/v1/videos/{video_id}", operation_id="delete_video", responses=refusals("not_found", "job_not_ended"))
def delete(video_id: str, caller: Canceller, service: Here) -> VideoDeleted:
    """Delete a video that is completed or failed, with its files."""
    job = _clip(service, video_id, caller)
    submissions.delete(service.engine, job.id, now_s=service.clock(), client=caller.client)
    service.storage.remove(job.id)
    return VideoDeleted(id=job.id)


@router.post(
    "/v1/videos/{video_id}/remix",
    operation_id="remix_video",
    responses=refusals(*SUBMITTING),
    openapi_extra=reads({JSON: REMIX}),
)
async def remixed(
    request: Request, video_id: str, caller: Submitter, service: Here, idempotency_key: IdempotencyKey = None
) -> Video:
    """Queue a video that differs from an earlier one by its prompt alone."""
    media_type(request, JSON)
    prompt = (await json_body(request, REMIX)).prompt
    return await run_in_threadpool(_remix, service, caller, video_id, prompt, idempotency_key)


def _remix(service: Service, caller: Caller, video_id: str, prompt: str, idempotency_key: str | None) -> Video:
    source = _clip(service, video_id, caller)
    named = {one["sha256"] for one in source.request["images"]}
    pictures = {sha256: service.storage.input_path(caller.client, sha256).read_bytes() for sha256 in named}
    body = remix(source.request, prompt, pictures)
    submitted = orders.submit(service, caller, body, idempotency_key=idempotency_key, remixed_from=source.id)
    return Video.of(submitted.job)


def _clip(service: Service, video_id: str, caller: Caller) -> Job:
    job = submissions.job(service.engine, video_id, caller.client)
    if job.kind != "clip":
        raise UnknownJob(f"job {job.id} is a {job.kind}, expected a clip; see /api/v1/jobs/{job.id}")
    return job
