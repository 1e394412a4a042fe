"""A steered clip is its draft seen by a moving camera: exact for the pictures, and honest where it cannot be done."""

from dataclasses import replace

import pytest
import torch

from aiprod_core.camera import TAGS, CameraMove
from aiprod_core.errors import InputError
from aiprod_core.family import SovereignModels
from aiprod_core.generation import Conditions, generate_latents
from aiprod_core.pinning import PinnedFrame, pin_pictures
from aiprod_core.steering import known, seen_along, steered_latents, still_of
from aiprod_core.types import GenerationConfig

REQUEST = GenerationConfig(
    prompt="a red cat walks on a beach", width=32, height=48, num_frames=9, num_inference_steps=4, seed=5
)


def with_camera(name: str, strength: float = 1.0) -> GenerationConfig:
    return replace(REQUEST, camera=CameraMove(name, strength))


def test_a_camera_that_stands_still_sees_what_is_there() -> None:
    video = torch.rand(3, 5, 16, 24)
    assert torch.allclose(seen_along(video, CameraMove("static"), 10.0), video, atol=1e-5)


def test_a_pan_slides_the_pictures_the_other_way() -> None:
    video = torch.zeros(3, 25, 100, 100)
    video[..., 50] = 1.0
    slid = seen_along(video, CameraMove("pan-right"), 10.0)
    columns = slid[0, :, 50].argmax(dim=-1)
    assert columns[12] == 50
    assert int(columns[0] - columns[-1]) == pytest.approx(28.8, abs=1)  # 0.288 frame heights of 100 pixels


def test_zooming_in_magnifies() -> None:
    video = torch.zeros(3, 25, 100, 100)
    video[..., 40:60, 40:60] = 1.0
    areas = seen_along(video, CameraMove("zoom-in"), 10.0)[0].sum(dim=(1, 2))
    assert areas[-1] / areas[0] == pytest.approx(1.32**2, rel=0.05)


def test_a_steered_clip_keeps_the_sound_of_its_draft_and_moves(models: SovereignModels) -> None:
    told: list[tuple[str, int, int]] = []
    draft = generate_latents(models, [still_of(REQUEST)])
    steered = steered_latents(models, with_camera("pan-left"), on_progress=lambda *stage: told.append(stage))
    assert draft.video is not None
    assert steered.video is not None
    assert steered.video.shape == draft.video.shape
    assert not torch.allclose(steered.video, draft.video, atol=0.1)
    assert draft.audio is not None
    assert steered.audio is not None
    assert torch.equal(steered.audio, draft.audio)
    assert [stage for stage, done, total in told if done == total] == ["text", "denoise", "steer"]


@pytest.mark.parametrize("config", [with_camera("static"), with_camera("zoom-in", 0.0)])
def test_without_motion_the_draft_is_the_clip(config: GenerationConfig, models: SovereignModels) -> None:
    steered, draft = steered_latents(models, config), generate_latents(models, [still_of(REQUEST)])
    assert steered.video is not None
    assert draft.video is not None
    assert torch.equal(steered.video, draft.video)


def test_the_same_seed_is_the_same_bits(models: SovereignModels) -> None:
    one, other = (steered_latents(models, with_camera("tilt-up", 0.5)).video for _ in range(2))
    assert one is not None
    assert other is not None
    assert torch.equal(one, other)


def test_what_contradicts_is_refused(models: SovereignModels) -> None:
    pins = pin_pictures(models, REQUEST.num_frames, [PinnedFrame(torch.zeros(3, 48, 32), 0, 1.0)])
    with pytest.raises(InputError, match="got one beside pictures that are given"):
        steered_latents(models, with_camera("pan-left"), Conditions(video=pins))
    with pytest.raises(InputError, match="a prompt that says 'static camera'"):
        steered_latents(models, replace(with_camera("pan-left"), prompt="a cat, static camera"))
    with pytest.raises(InputError, match="got crane-up, which needs depth"):
        steered_latents(models, with_camera("crane-up"))


def test_words_are_said_to_models_that_know_them() -> None:
    assert known(TAGS["zoom-in"], {"camera", "zooming", "in"})
    assert not known(TAGS["tilt-up"], {"camera", "zooming", "up"})
