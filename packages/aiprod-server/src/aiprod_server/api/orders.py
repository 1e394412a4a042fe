"""From a body to a job: what is left out is filled in, what the model cannot do is moved to the nearest that it can.

The tier says how, the model what is legal, the configuration how much. What was moved is in `snapped`, field → what was
asked for and what is made; nothing is changed in silence. Loads no model.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiprod_core.batching import alike_key
from aiprod_core.camera import TAGS, prompt_with
from aiprod_core.errors import AiprodError, InputError
from aiprod_server import models
from aiprod_server.access.identity import Caller
from aiprod_server.api import pictures
from aiprod_server.api.requests import Body, ClipBody, FilmBody, StoryboardBody
from aiprod_server.api.service import Service
from aiprod_server.orchestration.blocks import Orchestration, RenderTier
from aiprod_server.orchestration.sanitizer import FieldError, sanitised
from aiprod_server.problem import ProblemError
from aiprod_server.queue import clients, submissions
from aiprod_server.queue.jobs import Job

SEEDS = 2**32  # of those that are drawn: every language's JSON holds them exactly
NUM_FRAMES, FRAME_RATE_HZ = 25, 10.0  # as `aiprod generate` has them
DISTILLED = "distilled"
UNSIGNED = "webhook_url: got one of a client that has no secret to sign with; set one with PUT /api/v1/webhook first"
NOT_ALIKE = ("snapped", "seed_given", "remixed_from")  # of a request: what decides nothing of how it is rendered


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """`replayed`: the job was there, from an earlier request under the same idempotency key."""

    job: Job
    replayed: bool


def submit(
    service: Service,
    caller: Caller,
    body: Body,
    *,
    picture: bytes | None = None,
    idempotency_key: str | None = None,
    remixed_from: str | None = None,
) -> Submitted:
    """Queue what `body` asks for.

    Args:
        picture: a file that came with the body, which the clip begins with.
        remixed_from: id of the job that this one varies.

    Raises:
        ProblemError, FieldError, UnknownModel: what is asked for cannot be made.
        KeyReused, QuotaExceeded: as `submissions.submit` does.
    """
    if body.webhook_url is not None and clients.webhook_of(service.engine, caller.client) is None:
        raise ProblemError("invalid_request", UNSIGNED, param="webhook_url")
    request = filled(body, service.orchestration, service.settings.models_root)
    asked = body.model_dump(mode="json", exclude_unset=True)
    if isinstance(body, ClipBody):
        request["images"] = asked["images"] = _kept(service, caller, body, picture, request)
    if remixed_from is not None:
        request["remixed_from"] = asked["remixed_from"] = remixed_from
    now_s, key = service.clock(), batch_key(request)
    factor = service.estimator.factor(now_s)
    if factor != 1.0:
        request["price_factor"] = factor  # as it was told; what the queue does later changes no price
    job = submissions.submit(
        service.engine,
        request,
        asked=asked,
        client=caller.client,
        now_s=now_s,
        idempotency_key=idempotency_key,
        kind=body.kind,
        tier=body.tier,
        batch_key=key,
        estimate_s=_estimate_s(service, request),
        webhook_url=body.webhook_url,
    )
    return Submitted(job=job, replayed=job.submitted_at != now_s)


def _estimate_s(service: Service, request: Mapping[str, Any]) -> float | None:
    try:
        return service.estimator.estimate(request).device_s
    except AiprodError:  # words that make no film: the director says so, with the job's end
        return None


def filled(body: Body, config: Orchestration, models_root: Path | None) -> dict[str, Any]:
    """What is rendered, as `jobs.request` keeps it; pictures are not in it yet.

    Raises:
        FieldError: a text or a storyboard that cannot be carried out.
        UnknownModel: no such model is here.
    """
    tier = config.tier(body.tier)
    if isinstance(body, ClipBody):
        model = models.find(body.model or config.render_executor.model, models_root)
        return _clip(body, tier, config, model)
    return _film(body, config, models_root)


def batch_key(request: Mapping[str, Any]) -> str | None:
    """What clips have in common that may be rendered together; None for one that may not, and for a film."""
    if request["kind"] != "clip":
        return None
    return alike_key({name: value for name, value in request.items() if name not in NOT_ALIKE})


def nearest(value: int, step: int, most: int, *, first: int) -> int:
    """The value of first, first + step, … up to `most` that is nearest; of two, the smaller."""
    below = first + max(value - first, 0) // step * step
    closest = below if value - below <= step / 2 else below + step
    return min(closest, first + (most - first) // step * step)


class _Snapped(dict[str, list[Any]]):
    """Takes note where what is made is not what was asked for."""

    def __call__(self, field: str, asked: Any, made: Any) -> Any:
        if asked is not None and asked != made:
            self[field] = [asked, made]
        return made


def _clip(body: ClipBody, tier: RenderTier, config: Orchestration, model: models.Model) -> dict[str, Any]:
    executor, snapped = config.render_executor, _Snapped()
    texts = {"kind": body.kind, "prompt": body.prompt, "negative_prompt": (body.negative_prompt or "").strip()}
    clean = sanitised(texts, config.input_sanitizer)
    guided = tier.pipeline != DISTILLED
    step_px = model.side_step_for(tier.pipeline)
    sides = {
        name: snapped(name, asked, nearest(asked or tier.size_px, step_px, executor.max_side_px, first=step_px))
        for name, asked in (("width", body.width), ("height", body.height))
    }
    frames = nearest(body.num_frames or NUM_FRAMES, model.frame_step, executor.max_frames, first=1)
    steps, scale = body.num_inference_steps, body.guidance_scale
    unwanted = clean["negative_prompt"]
    return clean | {
        "tier": body.tier,
        "model": model.name,
        "seed": secrets.randbelow(SEEDS) if body.seed is None else body.seed,
        "seed_given": body.seed is not None,
        **sides,
        "num_frames": snapped("num_frames", body.num_frames, frames),
        "frame_rate": body.frame_rate or FRAME_RATE_HZ,
        "num_inference_steps": snapped("num_inference_steps", steps, min(steps or tier.steps, tier.max_steps)),
        # A distilled model has guidance built in, and none to follow a negative prompt.
        "guidance_scale": snapped(
            "guidance_scale", scale, tier.guidance_scale if scale is None or not guided else scale
        ),
        "negative_prompt": snapped("negative_prompt", unwanted, unwanted if guided else ""),
        "audio": body.audio,
        "camera": _camera(body, clean["prompt"]),
        "images": [],
        "snapped": snapped,
    }


def _camera(body: ClipBody, prompt: str) -> list[Any] | None:
    if body.camera is None:
        return None
    try:
        prompt_with(prompt, TAGS[body.camera.move])
    except InputError as error:
        raise FieldError("camera", str(error).partition(": ")[2]) from error
    return [body.camera.move, body.camera.strength]


def _film(body: FilmBody | StoryboardBody, config: Orchestration, models_root: Path | None) -> dict[str, Any]:
    asked = body.model_dump(mode="json", include={"kind", "tier", "prompt", "storyboard"})
    request = sanitised(asked, config.input_sanitizer)
    name = body.model
    if isinstance(body, StoryboardBody):
        # Not at the top: it takes a third of the gateway's start, which loads it as soon as it answers.
        from aiprod_server.orchestration.storyboards import strangers_storyboard

        board = strangers_storyboard(request["storyboard"], body.tier, config)
        name = name or board.model
    request["model"] = models.find(name or config.render_executor.model, models_root).name
    request["seed_given"] = body.seed is not None
    if body.seed is not None or isinstance(body, FilmBody):  # a storyboard has its own, unless told otherwise
        request["seed"] = secrets.randbelow(SEEDS) if body.seed is None else body.seed
    return request


def _kept(
    service: Service, caller: Caller, body: ClipBody, picture: bytes | None, request: dict[str, Any]
) -> list[dict[str, Any]]:
    """The pictures of a clip, decoded and kept; their frames are moved into the clip."""
    given = [
        (pictures.from_data_url(one.data, f"images.{number}.data"), one.frame, one.strength, f"images.{number}.data")
        for number, one in enumerate(body.images)
    ]
    if picture is not None:
        given.append((picture, 0, 1.0, "image"))
    last, kept = request["num_frames"] - 1, []
    suffixes = [pictures.checked(content, field) for content, _, _, field in given]  # all are whole before one is kept
    for number, ((content, frame, strength, _), suffix) in enumerate(zip(given, suffixes, strict=True)):
        sha256 = service.storage.keep_input(content, client=caller.client, suffix=suffix)
        if frame > last:
            request["snapped"][f"images.{number}.frame"] = [frame, last]
        kept.append({"sha256": sha256, "frame": min(frame, last), "strength": strength})
    return kept
