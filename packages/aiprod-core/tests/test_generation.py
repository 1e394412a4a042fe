"""A folder of weights and a request become pictures and sound, the same each time; damage is named."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from aiprod_core.camera import CameraMove
from aiprod_core.errors import InputError
from aiprod_core.execution import Execution
from aiprod_core.family import SovereignModels
from aiprod_core.generation import Conditions, draw_noise, generate, generate_latents
from aiprod_core.pinning import PinnedFrame, pin_pictures
from aiprod_core.sampler import parts
from aiprod_core.types import GenerationConfig, SourceCondition

REQUEST = GenerationConfig(
    prompt="a red cat walks on a beach", width=32, height=48, num_frames=9, num_inference_steps=2, seed=5
)


def _sound(models: SovereignModels, request: GenerationConfig) -> torch.Tensor:
    sound = generate(models, request)[1]
    assert sound is not None
    return sound


def test_a_request_becomes_a_clip_of_its_shape_in_range(models: SovereignModels) -> None:
    told: list[tuple[str, int, int]] = []
    frames, sound = generate(models, REQUEST, on_progress=lambda *stage: told.append(stage))
    assert frames.shape == (3, 9, 48, 32)
    assert frames.abs().max() <= 1
    assert frames.std() > 0.01
    assert sound is not None
    assert sound.shape == (1, 21_600)  # 0.9 s at 24 kHz
    assert sound.abs().max() <= 1
    finished = [stage for stage, done, total in told if done == total]
    assert finished == ["text", "denoise", "decode video", "decode sound"]
    assert ("denoise", 1, 2) in told


def test_a_seed_is_the_same_bits_also_from_a_fresh_load(models: SovereignModels, family: Path) -> None:
    frames, sound = generate(models, REQUEST)
    again, sound_again = generate(SovereignModels.load(family), REQUEST)
    assert torch.equal(frames, again)
    assert sound is not None
    assert sound_again is not None
    assert torch.equal(sound, sound_again)
    other, _ = generate(models, replace(REQUEST, seed=6))
    assert not torch.allclose(frames, other, atol=1e-3)


def test_what_is_asked_for_matters(models: SovereignModels) -> None:
    frames, _ = generate(models, REQUEST)
    for changed in (
        replace(REQUEST, prompt="a blue bird"),
        replace(REQUEST, negative_prompt="a blue bird"),
        replace(REQUEST, guidance_scale=1.0),
        replace(REQUEST, guidance_rescale=0.7),
        replace(REQUEST, num_inference_steps=3),
    ):
        assert not torch.allclose(generate(models, changed)[0], frames, atol=1e-4), changed


def test_without_guidance_the_negative_prompt_is_not_read(models: SovereignModels) -> None:
    alone = replace(REQUEST, guidance_scale=1.0)
    frames, _ = generate(models, alone)
    assert torch.equal(frames, generate(models, replace(alone, negative_prompt="a blue bird"))[0])


def test_no_audio_is_silent_and_starts_from_the_same_picture_noise(models: SovereignModels) -> None:
    frames, sound = generate(models, replace(REQUEST, audio=False))
    assert sound is None
    assert frames.shape == (3, 9, 48, 32)
    heard, silent = (draw_noise(models, [replace(REQUEST, audio=audio)]) for audio in (True, False))
    assert heard.video is not None
    assert silent.video is not None
    assert torch.equal(heard.video, silent.video)
    assert silent.audio is None


def test_clips_of_a_batch_are_those_that_they_are_alone(models: SovereignModels) -> None:
    requests = [
        REQUEST,
        replace(REQUEST, seed=6, prompt="a blue bird flies over a meadow at dusk", negative_prompt="a red cat"),
        replace(REQUEST, seed=7, prompt="a red cat"),
    ]
    asks: tuple[dict[str, float], ...] = ({}, {"guidance_scale": 1.0}, {"stg_scale": 1.0, "modality_scale": 2.0})
    for asked in asks:
        configs = [replace(request, **asked) for request in requests]  # type: ignore[arg-type]
        together = parts(generate_latents(models, configs), 3)
        for config, one in zip(configs, together, strict=True):
            alone = generate_latents(models, [config])
            torch.testing.assert_close(one.video, alone.video, atol=1e-4, rtol=0)
            torch.testing.assert_close(one.audio, alone.audio, atol=1e-4, rtol=0)
            assert one.video is not None
            for copy in parts(generate_latents(models, [config] * 3), 3):
                assert copy.video is not None
                assert torch.equal(copy.video, one.video), "bits depend on how many, not on which"


@pytest.mark.parametrize(
    "other",
    [
        {"width": 48},
        {"guidance_scale": 3.0},
        {"camera": CameraMove("pan-left")},
        {"audio": False},
        {"source": SourceCondition(path=Path("cat.mp4"))},
    ],
)
def test_requests_that_cannot_go_together_are_refused(models: SovereignModels, other: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="batch: got 2 requests"):
        generate_latents(models, [REQUEST, replace(REQUEST, **other)])


def test_what_follows_one_run_is_refused_of_a_batch(models: SovereignModels, family: Path) -> None:
    cached = SovereignModels.load(family, execution=Execution(step_cache=0.1))
    with pytest.raises(InputError, match="cache, snapshots: got one for a batch of 2"):
        generate_latents(cached, [REQUEST, REQUEST])


def test_every_request_of_a_batch_must_be_legal(models: SovereignModels) -> None:
    with pytest.raises(InputError, match="prompt: got an empty one"):
        generate_latents(models, [REQUEST, replace(REQUEST, prompt=" ")])


def test_one_frame_is_a_picture(models: SovereignModels) -> None:
    frames, sound = generate(models, replace(REQUEST, num_frames=1))
    assert frames.shape == (3, 1, 48, 32)
    assert sound is not None
    assert sound.shape == (1, 2400)


@pytest.mark.parametrize(("rate", "samples"), [(7.0, 30_857), (24.0, 9_000), (23.976, 9_009)])
def test_sound_is_as_long_as_the_pictures(models: SovereignModels, rate: float, samples: int) -> None:
    assert _sound(models, replace(REQUEST, frame_rate=rate)).shape == (1, samples)


@pytest.mark.parametrize("frame", [0, 8])
def test_a_pinned_picture_is_in_the_clip(models: SovereignModels, frame: int) -> None:
    picture = torch.rand(3, 48, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    free, _ = generate(models, REQUEST)
    kept, ignored = (
        generate(models, REQUEST, Conditions(pin_pictures(models, 9, [PinnedFrame(picture, frame, strength)])))[0]
        for strength in (1.0, 0.0)
    )
    assert torch.equal(ignored, free)
    assert not torch.allclose(kept, free, atol=1e-3)
    if frame == 0:
        alone = models.video.decode(models.video.encode(picture[None, :, None]))[0].clamp(-1, 1)
        torch.testing.assert_close(kept[:, :1], alone, atol=1e-5, rtol=0)


def test_bf16_is_near_fp32(family: Path, models: SovereignModels) -> None:
    half = SovereignModels.load(family, dtype=torch.bfloat16)
    assert half.dtype == torch.bfloat16
    assert half.video.latent_mean.dtype == torch.float32
    one = replace(REQUEST, num_inference_steps=1, guidance_scale=1.0)
    difference = generate(half, one)[0] - generate(models, one)[0]
    assert difference.square().mean().sqrt() < 0.1


@pytest.mark.parametrize("changes", [{"width": 528}, {"num_frames": 261}, {"prompt": ""}, {"height": 40}])
def test_an_illegal_request_is_refused_before_any_work(models: SovereignModels, changes: dict[str, object]) -> None:
    told: list[object] = []
    with pytest.raises(InputError, match=next(iter(changes)).replace("_", "-")):
        generate(models, replace(REQUEST, **changes), on_progress=lambda *stage: told.append(stage))  # type: ignore[arg-type]
    assert not told


def test_an_over_long_prompt_is_refused(models: SovereignModels) -> None:
    with pytest.raises(InputError, match=r"prompt: got \d+ tokens, expected at most 32; shorten"):
        generate(models, replace(REQUEST, prompt="a red cat walks on a beach " * 20))
