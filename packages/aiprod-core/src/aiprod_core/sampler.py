"""The one denoising loop: every pipeline and the trainer's validation call it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from aiprod_core.components.diffusion_steps import euler_flow_step
from aiprod_core.components.guiders import ClassifierFreeGuider
from aiprod_core.components.schedulers import FlowSchedule
from aiprod_core.conditioning import Pins
from aiprod_core.models.shdt import SHDT, TextContext
from aiprod_core.types import LatentState


@dataclass(frozen=True)
class Run:
    """One denoising run. `text` holds the prompts and, if the guider is active, the negative prompts after them."""

    text: TextContext
    schedule: FlowSchedule
    guider: ClassifierFreeGuider
    pins: Pins
    frame_rate_hz: float


@torch.inference_mode()
def denoise(
    model: SHDT, noise: LatentState, run: Run, on_step: Callable[[int], None] = lambda step: None
) -> LatentState:
    """Noise `[b …]` → clean latents, by Euler steps along the schedule. `on_step` is told each finished step."""
    assert noise.video is not None
    video, audio = run.pins.start(noise.video), noise.audio
    times = run.schedule.times().to(video.device)
    passes = 2 if run.guider.active else 1
    for step in range(run.schedule.steps):
        t, t_next = times[step], times[step + 1]
        clock, clock_next = run.pins.clock(t), run.pins.clock(t_next)
        state = LatentState(video.repeat(passes, 1, 1, 1, 1), audio.repeat(passes, 1, 1) if audio is not None else None)
        batch = state.video.shape[0]  # type: ignore[union-attr]
        flow = model(state, run.text, clock.expand(batch, -1), t.view(1, 1).expand(batch, 1), run.frame_rate_hz)
        video = euler_flow_step(video, _guided(flow.video, run.guider), _frames(clock), _frames(clock_next))
        if audio is not None:
            audio = euler_flow_step(audio, _guided(flow.audio, run.guider), t, t_next)
        on_step(step + 1)
    return LatentState(video, audio)


def _guided(flow: torch.Tensor, guider: ClassifierFreeGuider) -> torch.Tensor:
    return guider(*flow.chunk(2)) if guider.active else flow


def _frames(clock: torch.Tensor) -> torch.Tensor:
    return clock.view(1, 1, -1, 1, 1)
