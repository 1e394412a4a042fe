"""A camera move by construction: a draft with a static camera, seen along the move's path, and denoised once more.

The draft is a whole run of the same request. Its pictures are moved as the camera would see them, what lies beyond
their edges being mirrored, noised to `START` and denoised again, which mends the edges and leaves the motion. Sound is
that of the draft.
"""

import math
from collections.abc import Collection
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from aiprod_core.camera import TAGS, CameraMove, Tag, View, prompt_with, standing_still
from aiprod_core.components.noisers import add_noise
from aiprod_core.components.schedulers import FlowSchedule
from aiprod_core.conditioning import all_pinned
from aiprod_core.errors import InputError
from aiprod_core.family import SovereignModels
from aiprod_core.generation import (
    NOTHING_GIVEN,
    Conditions,
    OnProgress,
    Snapshots,
    draw_noise,
    generate_latents,
    run_of,
)
from aiprod_core.previews import Previews
from aiprod_core.sampler import denoise
from aiprod_core.types import GenerationConfig, LatentState

START = 0.2  # noise level from which a moved draft is denoised: more, and the model brings it back to rest


@torch.inference_mode()
def steered_latents(
    models: SovereignModels,
    config: GenerationConfig,
    given: Conditions = NOTHING_GIVEN,
    on_progress: OnProgress = lambda stage, done, total: None,
    snapshots: Snapshots | None = None,
    previews: Previews | None = None,
) -> LatentState:
    """Latents of a request that has a camera.

    Snapshots are kept, and previews shown, of the draft, which takes nearly all of the time.
    Raises `InputError` for a move that cannot be made, a prompt that says another, and pictures that are pinned.
    """
    camera = config.camera
    assert camera is not None
    config.validate(models.compression)
    if given.video is not None or given.reference is not None:
        raise InputError("camera: got one beside pictures that are given, which would not stay in place; leave one out")
    prompt_with(config.prompt, TAGS[camera.name])  # raises for a prompt that says another move
    draft = generate_latents(models, [still_of(config)], given, on_progress, snapshots, previews)
    return steer(models, config, draft, on_progress)


def still_of(config: GenerationConfig) -> GenerationConfig:
    """The request of the draft: as asked, with a camera that stands still."""
    return replace(config, camera=None, prompt=standing_still(config.prompt))


@torch.inference_mode()
def steer(
    models: SovereignModels,
    config: GenerationConfig,
    draft: LatentState,
    on_progress: OnProgress = lambda stage, done, total: None,
) -> LatentState:
    """The latents of a draft → those of the same clip, seen by the camera of `config`.

    The camera's words are in the prompt if the model was trained on them; else those of a static one stay.
    """
    camera = config.camera
    assert camera is not None
    assert draft.video is not None
    if not camera.moves:
        return draft
    on_progress("steer", 0, 1)
    tag, still = TAGS[camera.name], still_of(config)
    spoken = replace(still, prompt=prompt_with(config.prompt, tag)) if known(tag, models.words) else still
    video = models.decode_video(draft.video)[0].clamp(-1, 1)
    moved = models.encode_video(seen_along(video, camera, config.frame_rate)[None])
    noise = draw_noise(models, [config])
    assert noise.video is not None
    begun = LatentState(add_noise(moved.to(noise.video), noise.video, torch.tensor(START)), draft.audio)
    whole = FlowSchedule(config.num_inference_steps)
    steps = max(1, math.ceil(config.num_inference_steps * START / (whole.shift - (whole.shift - 1) * START)))
    run = replace(
        run_of(models, [spoken], NOTHING_GIVEN, begun),
        schedule=FlowSchedule(steps, start=START),
        audio_pins=None if draft.audio is None else all_pinned(draft.audio),
    )
    with models.execution.attention.chosen():
        return denoise(models.shdt, begun, run, lambda progress: on_progress("steer", progress.steps, steps))


def known(tag: Tag, words: Collection[str]) -> bool:
    """Whether the text encoder was trained on the words of a move."""
    return all(word in words for word in tag.phrases[0].split())


def seen_along(video: Tensor, camera: CameraMove, frame_rate_hz: float) -> Tensor:
    """Video `[c t h w]` as it is seen by a camera that moves; beyond the edges it is mirrored."""
    frames, height, width = video.shape[1:]
    last = max(frames - 1, 1)
    views = [camera.view_at(frame / last, last / frame_rate_hz) for frame in range(frames)]
    towards = torch.stack([_affine(view, width / height) for view in views]).to(video)
    grid = F.affine_grid(towards, [frames, video.shape[0], height, width], align_corners=False)
    seen = F.grid_sample(video.transpose(0, 1), grid, padding_mode="reflection", align_corners=False)
    return seen.transpose(0, 1)


def _affine(view: View, aspect: float) -> Tensor:
    """Where each point of the frame is read, in the coordinates of `affine_grid`: [-1, 1] from edge to edge."""
    return torch.tensor([[1 / view.zoom, 0.0, 2 * view.x / aspect], [0.0, 1 / view.zoom, 2 * view.y]])
