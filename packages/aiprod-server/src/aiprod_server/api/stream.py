"""GET /api/v1/jobs/{id}/events: what happens to a job, as it happens, in text/event-stream (HTML standard, 9.2).

`id` is the place in the stream, `event` what happened, `data` one line of JSON. Whoever was cut off goes on from its
last id and misses nothing; who has the end of the job is told, with 204, not to come again. Knows no table.
"""

import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from aiprod_server.access.identity import Caller, allowed
from aiprod_server.api.broadcast import Frame
from aiprod_server.api.refusals import refusals
from aiprod_server.api.service import Here, Service
from aiprod_server.queue import submissions
from aiprod_server.queue.jobs import ENDED
from aiprod_server.queue.watching import news

MEDIA_TYPE = "text/event-stream"
RETRY_MS = (1000, 3000)  # each watcher is told another moment, so that not all come back at once
MOST_ID = 2**63 - 1
SILENCE = b": still here\n\n"  # a comment: it has no id, and changes nobody's place

router = APIRouter(tags=["jobs"])
Reader = Annotated[Caller, Depends(allowed("jobs:read"))]
Place = Annotated[int, Query(ge=0, le=MOST_ID, description="Id of the last event known; 0 for all there are.")]
LastEventId = Annotated[int, Header(ge=0, le=MOST_ID, description="The same, as browsers send it; the higher wins.")]
SAID: dict[int | str, dict[str, Any]] = {
    200: {"description": "The events after the place, until the job's end.", "content": {MEDIA_TYPE: {}}},
    204: {"description": "The job has ended, and nothing follows the place: do not come again."},
}


@router.get(
    "/api/v1/jobs/{job_id}/events",
    operation_id="job_events",
    response_class=StreamingResponse,
    responses=SAID | refusals("not_found"),
)
async def events(
    job_id: str, caller: Reader, service: Here, after: Place = 0, last_event_id: LastEventId = 0
) -> Response:
    """What happened to a job since a place in its stream, and what happens next, as server-sent events."""
    place = max(after, last_event_id)  # a browser comes back to the same address, with its last id
    if await run_in_threadpool(_is_over, service, job_id, caller.client, place):
        return Response(status_code=204)
    lots = service.broadcast.lots(job_id, place)
    # Proxies of the kind of nginx would gather a stream, and send it whole.
    return StreamingResponse(_text(lots), media_type=MEDIA_TYPE, headers={"X-Accel-Buffering": "no"})


def _is_over(service: Service, job_id: str, client: str, place: int) -> bool:
    job = submissions.job(service.engine, job_id, client)
    return job.state in ENDED and not news(service.engine, {job_id: place}, most=1)


async def _text(lots: AsyncGenerator[Sequence[Frame]]) -> AsyncGenerator[bytes]:
    yield f"retry: {random.randint(*RETRY_MS)}\n\n".encode()
    async with aclosing(lots):
        async for frames in lots:
            yield b"".join(frame.text for frame in frames) or SILENCE
