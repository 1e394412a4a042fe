"""The one denoising loop: every pipeline and the trainer's validation call it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from aiprod_core.components.diffusion_steps import euler_flow_step
from aiprod_core.components.guiders import MultiModalGuider, Pass
from aiprod_core.components.schedulers import FlowSchedule
from aiprod_core.components.step_cache import StepCache
from aiprod_core.conditioning import Pins, along
from aiprod_core.models.shdt import EVERYTHING, SHDT, Attending, TextContext
from aiprod_core.types import LatentState


@dataclass(frozen=True)
class Run:
    """One denoising run. `text` holds the prompts and, if a pass needs them, the negative prompts after them.

    `reference`: latents `[1 c t h w]` of a clip to refer to, for a model with an in-context LoRA.
    """

    text: TextContext
    schedule: FlowSchedule
    guider: MultiModalGuider
    video_pins: Pins
    audio_pins: Pins | None  # None where there is no sound
    frame_rate_hz: float
    cache: StepCache | None = None
    reference: Tensor | None = None


@dataclass(frozen=True)
class Progress:
    """Where a run stands after `steps` steps: enough to go on from there to the same end, bit for bit."""

    steps: int
    latents: LatentState


@torch.inference_mode()
def denoise(
    model: SHDT,
    noise: LatentState,
    run: Run,
    on_step: Callable[[Progress], None] = lambda progress: None,
    begun: Progress | None = None,
) -> LatentState:
    """Noise `[b …]` → clean latents, by Euler steps along the schedule.

    `on_step` is told each finished step; with one of those as `begun`, a run goes on from there.
    """
    assert noise.video is not None
    video = run.video_pins.start(noise.video)
    audio = run.audio_pins.start(noise.audio) if noise.audio is not None and run.audio_pins is not None else None
    if begun is not None:
        assert begun.latents.video is not None
        video, audio = begun.latents.video, begun.latents.audio
    times = run.schedule.times().to(video.device)
    for step in range(begun.steps if begun is not None else 0, run.schedule.steps):
        t, t_next = times[step], times[step + 1]
        ask = partial(_flows, model, LatentState(video, audio), run, t, t_next)
        flows = ask() if run.cache is None else run.cache.flows(video, ask)
        now, then = (along(run.video_pins.clock(time), video) for time in (t, t_next))
        seen = {name: flow.video for name, flow in flows.items() if flow.video is not None}
        video = euler_flow_step(video, run.guider.video(seen, video, now), now, then)
        if audio is not None and run.audio_pins is not None:
            now, then = (along(run.audio_pins.clock(time), audio) for time in (t, t_next))
            heard = {name: flow.audio for name, flow in flows.items() if flow.audio is not None}
            audio = euler_flow_step(audio, run.guider.audio(heard, audio, now), now, then)
        on_step(Progress(step + 1, LatentState(video, audio)))
    return LatentState(video, audio)


def _flows(model: SHDT, state: LatentState, run: Run, t: Tensor, t_next: Tensor) -> dict[Pass, LatentState]:
    """The velocities of every pass that the guider needs; those with and without the prompt go as one batch."""
    assert state.video is not None
    passes, count = run.guider.passes, state.video.shape[0]

    def clocks(time: Tensor, batch: int) -> tuple[Tensor, Tensor]:
        audio = run.audio_pins.clock(time) if run.audio_pins is not None else time.view(1, 1)
        return run.video_pins.clock(time).expand(batch, -1), audio.expand(batch, -1)

    def asked(state: LatentState, text: TextContext, attending: Attending) -> LatentState:
        batch = text.mask.shape[0]
        now, then = clocks(t, batch), clocks(t_next, batch)
        if run.reference is None:
            return model(state, text, *now, run.frame_rate_hz, attending, then)
        return _referring(model, state, text, now, run, attending, then)

    if Pass.UNPROMPTED in passes:
        both = asked(_twice(state), run.text, EVERYTHING)
        flows = dict(zip((Pass.PROMPTED, Pass.UNPROMPTED), parts(both, 2), strict=True))
    else:
        flows = {Pass.PROMPTED: asked(state, run.text, EVERYTHING)}
    if Pass.PERTURBED in passes:
        flows[Pass.PERTURBED] = asked(state, run.text.first(count), Attending(skipped=run.guider.stg_blocks))
    if Pass.ISOLATED in passes:
        flows[Pass.ISOLATED] = asked(state, run.text.first(count), Attending(isolated=True))
    return flows


def _referring(
    model: SHDT,
    state: LatentState,
    text: TextContext,
    now: tuple[Tensor, Tensor],
    run: Run,
    attending: Attending,
    then: tuple[Tensor, Tensor],
) -> LatentState:
    """One pass over the reference, which is clean, and the clip; what is said of the reference is left out."""
    assert state.video is not None
    assert run.reference is not None
    count, batch = run.reference.shape[2], state.video.shape[0]
    both = torch.cat([run.reference.expand(batch, -1, -1, -1, -1), state.video], dim=2)
    (video_now, audio_now), (video_then, audio_then) = now, then
    flow: LatentState = model(
        LatentState(both, state.audio),
        text,
        F.pad(video_now, (count, 0)),
        audio_now,
        run.frame_rate_hz,
        attending,
        (F.pad(video_then, (count, 0)), audio_then),
        referring=count,
    )
    assert flow.video is not None
    return LatentState(flow.video[:, :, count:], flow.audio)


def _twice(state: LatentState) -> LatentState:
    assert state.video is not None
    audio = state.audio.repeat(2, 1, 1) if state.audio is not None else None
    return LatentState(state.video.repeat(2, 1, 1, 1, 1), audio)


def parts(state: LatentState, count: int) -> list[LatentState]:
    """The latents of a batch, cut into so many equal parts."""
    assert state.video is not None
    audios = state.audio.chunk(count) if state.audio is not None else (None,) * count
    return [LatentState(video, audio) for video, audio in zip(state.video.chunk(count), audios, strict=True)]
