from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from aiprod_core.components.noisers import add_noise
from aiprod_core.components.schedulers import FlowSchedule
from aiprod_core.conditioning import all_pinned
from aiprod_core.family import SovereignModels
from aiprod_core.generation import Conditions, generate_latents
from aiprod_core.models.hwvae import HWVAE
from aiprod_core.previews import MOST_SIDE_PX, Preview, Previews, sketch
from aiprod_core.refinement import Refinement, refine
from aiprod_core.sampler import Progress
from aiprod_core.types import GenerationConfig, LatentState

REQUEST = GenerationConfig(
    prompt="a red cat walks on a beach", width=32, height=48, num_frames=9, num_inference_steps=4, seed=5
)


class Shown:
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.shares: list[float] = []
        self.pictures: list[NDArray[np.uint8]] = []

    def __call__(self, share: float, pictures: NDArray[np.uint8]) -> None:
        self.shares.append(share)
        self.pictures.append(pictures)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_of_a_straight_flow_every_preview_shows_the_end(video_codec: HWVAE) -> None:
    clean, start = noise(2, 8, 3, 6, 4, seed=1), noise(2, 8, 3, 6, 4, seed=2)
    times, shown = FlowSchedule(5).times(), Shown()
    preview = Preview(Previews(shown, every=1), video_codec, times, start)
    for step in range(1, 6):
        preview.show(Progress(step, LatentState(add_noise(clean, start, times[step].float()), None)))
    assert shown.shares == [0.2, 0.4, 0.6, 0.8, 1.0]
    for pictures in shown.pictures:
        np.testing.assert_allclose(pictures.astype(int), sketch(video_codec, clean).astype(int), atol=1)


def test_a_sketch_is_the_frame_in_the_middle_where_the_codec_is_linear(models: SovereignModels) -> None:
    linear = HWVAE(models.video.config)
    latents = 0.3 * noise(2, 8, 5, 6, 4)
    frame = linear.decode(latents)[:, :, 8].clamp(-1, 1)  # of 17
    pictures = sketch(linear, latents)
    assert pictures.shape == (2, 48, 32, 3)
    np.testing.assert_allclose(pictures, ((frame + 1) * 127.5).permute(0, 2, 3, 1).detach(), atol=0.51)


@pytest.mark.parametrize(("side", "shown"), [(MOST_SIDE_PX, 256), (264, 132), (768, 256)])
def test_a_sketch_is_small(video_codec: HWVAE, side: int, shown: int) -> None:
    assert sketch(video_codec, noise(1, 8, 1, 2, side // 8)).shape == (1, 16 * shown // side, shown, 3)


@pytest.mark.parametrize("given", ["nothing", "a pinned clip"])
def test_looking_changes_nothing_and_ends_at_the_clip(models: SovereignModels, given: str) -> None:
    pinned = Conditions(video=all_pinned(noise(1, 8, 3, 6, 4))) if given == "a pinned clip" else Conditions()
    shown = Shown()
    watched = generate_latents(models, [REQUEST], pinned, previews=Previews(shown, every=2))
    alone = generate_latents(models, [REQUEST], pinned)
    assert watched.video is not None
    assert alone.video is not None
    assert torch.equal(watched.video, alone.video)
    assert shown.shares == [0.5, 1.0]
    np.testing.assert_array_equal(shown.pictures[-1], sketch(models.video, watched.video))
    if given == "a pinned clip":
        np.testing.assert_array_equal(shown.pictures[0], shown.pictures[1])


def test_a_run_that_goes_on_is_shown_from_there(models: SovereignModels) -> None:
    whole, rest, kept = Shown(), Shown(), Kept()
    generate_latents(models, [REQUEST], snapshots=kept, previews=Previews(whole, every=1))
    kept.begun = kept.steps[1]
    generate_latents(models, [REQUEST], snapshots=kept, previews=Previews(rest, every=1))
    assert rest.shares == [0.75, 1.0]
    np.testing.assert_array_equal(rest.pictures, whole.pictures[2:])


class Kept:
    """Snapshots in memory."""

    def __init__(self) -> None:
        self.steps: list[Progress] = []
        self.begun: Progress | None = None

    def load(self) -> Progress | None:
        return self.begun

    def save(self, progress: Progress) -> None:
        self.steps.append(progress)


def test_a_second_stage_is_shown_at_its_size(models: SovereignModels) -> None:
    shown = Shown()
    latents = LatentState(noise(1, 8, 3, 3, 2), None)
    refinement = Refinement(steps=2, start=0.4)
    previews = Previews(shown, every=1).between(0.5, 1)

    def doubled(latents: torch.Tensor) -> torch.Tensor:
        return latents.repeat_interleave(2, dim=-1).repeat_interleave(2, dim=-2)

    upsampler: Any = doubled
    refine(models, upsampler, latents, [replace(REQUEST, audio=False)], refinement, Conditions(), previews=previews)
    assert shown.shares == [0.75, 1.0]
    assert [pictures.shape for pictures in shown.pictures] == [(1, 48, 32, 3)] * 2
