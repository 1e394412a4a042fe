"""A sentence in, pictures and sound out, with no file of media in sight: `generate` renders one request.

The pipelines put media, progress and receipts around this, the trainer its validation.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from aiprod_core.batching import alike_key
from aiprod_core.components.guiders import Guidance, MultiModalGuider, Pass, Projection
from aiprod_core.components.noisers import seeded_noise
from aiprod_core.components.schedulers import FlowSchedule
from aiprod_core.components.step_cache import StepCache
from aiprod_core.conditioning import Pins, no_pins
from aiprod_core.errors import InputError
from aiprod_core.family import SovereignModels
from aiprod_core.previews import Preview, Previews
from aiprod_core.sampler import Progress, Run, denoise
from aiprod_core.types import (
    AudioLatentShape,
    AudioShape,
    GenerationConfig,
    LatentState,
    VideoLatentShape,
    VideoPixelShape,
)

OnProgress = Callable[[str, int, int], None]

MAX_SIDE_PX, MAX_FRAMES = 512, 257


@dataclass(frozen=True)
class Conditions:
    """What a clip is given besides its prompt: pins of its latents, made by `aiprod_core.pinning`.

    `reference`: latents `[1 c t h w]` of a clip to refer to, for an in-context LoRA.
    """

    video: Pins | None = None
    audio: Pins | None = None
    reference: Tensor | None = None


NOTHING_GIVEN = Conditions()


class Snapshots(Protocol):
    """Keeps a run's progress while it goes on, and has it back after an interruption."""

    def load(self) -> Progress | None:
        """The progress kept by an earlier run of the same request, if there is one."""

    def save(self, progress: Progress) -> None:
        """Told every finished step; which of them are kept is its own matter."""


@torch.inference_mode()
def generate(
    models: SovereignModels,
    config: GenerationConfig,
    given: Conditions = NOTHING_GIVEN,
    on_progress: OnProgress = lambda stage, done, total: None,
    snapshots: Snapshots | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Render one request: frames `[c t h w]` in [-1, 1] and sound `[1 s]` in [-1, 1], or None for a silent one."""
    latents = generate_latents(models, [config], given, on_progress, snapshots)
    return decode(models, latents, config, on_progress)


@torch.inference_mode()
def generate_latents(
    models: SovereignModels,
    configs: Sequence[GenerationConfig],
    given: Conditions = NOTHING_GIVEN,
    on_progress: OnProgress = lambda stage, done, total: None,
    snapshots: Snapshots | None = None,
    previews: Previews | None = None,
) -> LatentState:
    """Denoise requests that are alike: latents of pictures `[b c t h w]` and sound `[b c l]`, or None for silent ones.

    Each starts from the noise of its own seed. In a batch its latents are those that it has alone but for the last
    bits, since sums of another shape round otherwise. On a processor those bits depend on how many there are and not on
    which: copies of one request come out as it does among others.
    Raises `InputError` for requests that are illegal, or cannot go together.
    """
    config = first_of_alike(configs)
    for one in configs:
        one.validate(models.compression, max_side_px=MAX_SIDE_PX, max_frames=MAX_FRAMES)
    cache = StepCache(models.execution.step_cache) if models.execution.step_cache else None
    if cache is not None and snapshots is not None:
        raise InputError("cache: got it with snapshots, which do not keep it, expected one of them; leave one out")
    if len(configs) > 1 and (cache is not None or snapshots is not None):
        raise InputError(f"cache, snapshots: got one for a batch of {len(configs)}; leave it out, or render one by one")
    on_progress("text", 0, 1)
    noise = draw_noise(models, configs)
    run = replace(run_of(models, configs, given, noise), cache=cache)
    on_progress("text", 1, 1)
    begun = snapshots.load() if snapshots is not None else None
    if begun is not None:
        begun = Progress(begun.steps, _moved(begun.latents, models))
    steps = config.num_inference_steps
    on_progress("denoise", 0 if begun is None else begun.steps, steps)
    preview = preview_of(models, run, noise, begun, previews)

    def on_step(progress: Progress) -> None:
        if snapshots is not None:
            snapshots.save(progress)
        if preview is not None:
            preview.show(progress)
        on_progress("denoise", progress.steps, steps)

    with models.execution.attention.chosen():
        return denoise(models.shdt, noise, run, on_step, begun)


def first_of_alike(configs: Sequence[GenerationConfig]) -> GenerationConfig:
    """The first of requests that can be rendered together; raises `InputError` where they cannot."""
    keys = {alike_key(asdict(config)) for config in configs} if len(configs) > 1 else {""}
    if len(keys) > 1 or None in keys:
        raise InputError(
            f"batch: got {len(configs)} requests that cannot go together, expected nothing but prompts and seeds to "
            "differ, and no pictures, source or camera; render them one by one"
        )
    return configs[0]


def preview_of(
    models: SovereignModels, run: Run, noise: LatentState, begun: Progress | None, previews: Previews | None
) -> Preview | None:
    """What shows a run from `noise`, or from where it was begun; None where nobody looks."""
    if previews is None:
        return None
    latents = noise if begun is None else begun.latents
    assert latents.video is not None
    start = run.video_pins.start(latents.video) if begun is None else latents.video
    return Preview(previews, models.video, run.schedule.times(), start)


@torch.inference_mode()
def decode(
    models: SovereignModels,
    latents: LatentState,
    config: GenerationConfig,
    on_progress: OnProgress = lambda stage, done, total: None,
) -> tuple[Tensor, Tensor | None]:
    """Latents → frames `[c t h w]` in [-1, 1] and sound `[1 s]` in [-1, 1], or None for a silent one."""
    assert latents.video is not None
    on_progress("decode video", 0, 1)
    frames = models.decode_video(latents.video)[0].clamp_(-1, 1).cpu()
    on_progress("decode video", 1, 1)
    if latents.audio is None or models.audio is None:
        return frames, None
    on_progress("decode sound", 0, 1)
    sound = models.audio.decode(latents.audio.float(), samples=_samples(models, config))[0].clamp(-1, 1).cpu()
    on_progress("decode sound", 1, 1)
    return frames, sound


def run_of(models: SovereignModels, configs: Sequence[GenerationConfig], given: Conditions, noise: LatentState) -> Run:
    """How requests that are alike are denoised, from noise of their shape, with what they are given."""
    assert noise.video is not None
    config = configs[0]
    guider = guider_of(config, layers=len(models.shdt.layers))
    prompts = [one.prompt for one in configs]
    if Pass.UNPROMPTED in guider.passes:
        prompts += [one.negative_prompt for one in configs]
    return Run(
        text=models.read(prompts, full=len(configs) > 1),  # so that no clip depends on the length of another's words
        schedule=FlowSchedule(config.num_inference_steps),
        guider=guider,
        video_pins=given.video or no_pins(noise.video),
        audio_pins=None if noise.audio is None else given.audio or no_pins(noise.audio),
        frame_rate_hz=config.frame_rate,
        reference=given.reference,
    )


def guider_of(config: GenerationConfig, layers: int) -> MultiModalGuider:
    """The guidance that a request asks for, of a model of so many layers; sound as pictures, unless it has its own."""
    projection = Projection(eta=config.apg_eta, norm_threshold=config.apg_norm_threshold)
    video = Guidance(
        scale=config.guidance_scale,
        rescale=config.guidance_rescale,
        stg_scale=config.stg_scale,
        modality_scale=config.modality_scale if config.audio else 1.0,
        projection=projection,
    )
    own = {
        "scale": config.audio_guidance_scale,
        "rescale": config.audio_guidance_rescale,
        "stg_scale": config.audio_stg_scale,
        "modality_scale": config.audio_modality_scale,
    }
    audio = replace(video, **{name: value for name, value in own.items() if value is not None})  # type: ignore[arg-type]
    blocks = frozenset(config.stg_blocks or (layers // 2,))
    if max(blocks) >= layers:
        raise InputError(f"stg-blocks: got {max(blocks)}, expected layers 0 to {layers - 1}; choose one of those")
    return MultiModalGuider(video=video, audio=audio if config.audio else video, stg_blocks=blocks)


def draw_noise(models: SovereignModels, configs: Sequence[GenerationConfig]) -> LatentState:
    """The noise that requests of one shape start from: each a function of its seed and that shape alone."""
    config, shape, by = configs[0], models.shdt.config, models.compression
    pixels = VideoPixelShape(1, config.num_frames, config.height, config.width)
    video_shape = VideoLatentShape.of(pixels, shape.video_channels, by).dims
    audio_shape = AudioLatentShape.of(AudioShape(1, _samples(models, config)), shape.audio_channels, by).dims
    videos, audios = zip(*(seeded_noise(one.seed, video_shape, audio_shape) for one in configs), strict=True)
    return _moved(LatentState(torch.cat(videos), torch.cat(audios) if config.audio else None), models)


def _moved(latents: LatentState, models: SovereignModels) -> LatentState:
    assert latents.video is not None
    video = latents.video.to(models.device, models.dtype)
    return LatentState(video, None if latents.audio is None else latents.audio.to(models.device, models.dtype))


def _samples(models: SovereignModels, config: GenerationConfig) -> int:
    return round(config.duration_s * models.sample_rate_hz)
