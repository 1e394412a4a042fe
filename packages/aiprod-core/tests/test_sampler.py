"""The denoising loop follows the model's flow, keeps what is pinned, and ignores what is not."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from aiprod_core.components.guiders import Guidance, MultiModalGuider
from aiprod_core.components.noisers import seeded_noise, velocity
from aiprod_core.components.schedulers import FlowSchedule
from aiprod_core.conditioning import Pins, no_pins
from aiprod_core.models.shdt import SHDT
from aiprod_core.sampler import Progress, Run, denoise
from aiprod_core.types import LatentState

VIDEO, AUDIO = (1, 8, 3, 4, 4), (1, 8, 9)


def _guider(scale: float = 1.0, **scales: float) -> MultiModalGuider:
    both = Guidance(scale=scale, **scales)  # type: ignore[arg-type]
    return MultiModalGuider(video=both, audio=both, stg_blocks=frozenset({1, 3}))


@pytest.fixture(name="run")
def _run(transformer: SHDT) -> Run:
    text = torch.randn(2, 5, 32, generator=torch.Generator().manual_seed(3))
    context = transformer.read(text, torch.ones(2, 5, dtype=torch.bool))
    return Run(
        text=context,
        schedule=FlowSchedule(4),
        guider=_guider(3.0),
        video_pins=no_pins(torch.zeros(VIDEO)),
        audio_pins=no_pins(torch.zeros(AUDIO)),
        frame_rate_hz=10.0,
    )


def _noise(seed: int = 0, *, audio: bool = True) -> LatentState:
    video, sound = seeded_noise(seed, VIDEO, AUDIO)
    return LatentState(video, sound if audio else None)


def _denoised(model: SHDT, noise: LatentState, run: Run) -> tuple[torch.Tensor, torch.Tensor]:
    latents = denoise(model, noise, run)
    assert latents.video is not None
    assert latents.audio is not None
    return latents.video, latents.audio


def test_the_same_noise_becomes_the_same_clip_and_each_step_is_told(transformer: SHDT, run: Run) -> None:
    told: list[int] = []
    first = denoise(transformer, _noise(), run, lambda progress: told.append(progress.steps))
    video, audio = _denoised(transformer, _noise(), run)
    assert first.video is not None
    assert torch.equal(first.video, video)
    assert video.shape == VIDEO
    assert audio.shape == AUDIO
    assert told == [1, 2, 3, 4]
    assert not torch.allclose(video, _denoised(transformer, _noise(1), run)[0])


def test_full_strength_keeps_a_picture_exactly_through_the_whole_run(transformer: SHDT, run: Run) -> None:
    picture = seeded_noise(9, VIDEO)[0]
    pinned = replace(run, video_pins=Pins(picture, torch.tensor([1.0, 0.0, 1.0])))
    video, audio = _denoised(transformer, _noise(), pinned)
    assert torch.equal(video[:, :, [0, 2]], picture[:, :, [0, 2]])
    free_video, free_audio = _denoised(transformer, _noise(), run)
    assert not torch.allclose(video[:, :, 1], free_video[:, :, 1])  # the others see what is pinned
    assert not torch.allclose(audio, free_audio)


def test_no_strength_ignores_a_picture_bit_for_bit(transformer: SHDT, run: Run) -> None:
    pinned = replace(run, video_pins=Pins(seeded_noise(9, VIDEO)[0], torch.zeros(3)))
    for kept, free in zip(_denoised(transformer, _noise(), pinned), _denoised(transformer, _noise(), run), strict=True):
        assert torch.equal(kept, free)


def test_a_stronger_pin_stays_nearer_to_its_picture(transformer: SHDT, run: Run) -> None:
    picture = seeded_noise(9, VIDEO)[0]

    def distance(strength: float) -> float:
        pins = Pins(picture, torch.tensor([strength, 0.0, 0.0]))
        video, _ = _denoised(transformer, _noise(), replace(run, video_pins=pins))
        return float((video - picture)[:, :, 0].abs().mean())

    assert distance(0.95) < distance(0.6) < distance(0.0)


def test_scale_one_needs_no_second_pass(transformer: SHDT, run: Run) -> None:
    passes: list[int] = []
    transformer.register_forward_pre_hook(lambda module, given: passes.append(given[0].video.shape[0]))
    denoise(transformer, _noise(), run)
    one = _first_text(run, _guider(1.0))
    denoise(transformer, _noise(), one)
    assert passes == [2] * 4 + [1] * 4


def test_the_negative_prompt_matters_only_under_guidance(transformer: SHDT, run: Run) -> None:
    alone, _ = _denoised(transformer, _noise(), _first_text(run, _guider(1.0)))
    nearly, _ = _denoised(transformer, _noise(), replace(run, guider=_guider(1.0 + 1e-6)))
    torch.testing.assert_close(nearly, alone, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(_denoised(transformer, _noise(), run)[0], alone, atol=1e-2)


def test_pictures_without_sound(transformer: SHDT, run: Run) -> None:
    latents = denoise(transformer, _noise(audio=False), run)
    assert latents.audio is None
    assert latents.video is not None
    assert latents.video.isfinite().all()


def test_a_model_that_knows_the_way_arrives_in_any_number_of_steps(
    transformer: SHDT, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, noise = _noise(5), _noise()
    assert target.video is not None
    assert noise.video is not None
    way = LatentState(velocity(target.video, noise.video), velocity(target.audio, noise.audio))  # type: ignore[arg-type]
    forward: Callable[..., LatentState] = lambda *given: way  # noqa: E731
    monkeypatch.setattr(transformer, "forward", forward)
    for steps in (1, 3, 20):
        straight = replace(run, schedule=FlowSchedule(steps), guider=_guider(1.0))
        video, audio = _denoised(transformer, noise, straight)
        torch.testing.assert_close(video, target.video, atol=1e-5, rtol=0)
        torch.testing.assert_close(audio, target.audio, atol=1e-5, rtol=0)


def test_each_guidance_makes_its_passes_and_changes_the_clip(transformer: SHDT, run: Run) -> None:
    passes: list[int] = []
    transformer.register_forward_pre_hook(lambda module, given: passes.append(given[0].video.shape[0]))
    video, _ = _denoised(transformer, _noise(), run)
    for scales, made in (({"stg_scale": 1.0}, [2, 1]), ({"modality_scale": 3.0}, [2, 1])):
        passes.clear()
        other, _ = _denoised(transformer, _noise(), replace(run, guider=_guider(3.0, **scales)))
        assert passes == made * 4
        assert not torch.allclose(other, video, atol=1e-3)


@pytest.mark.parametrize("done", [1, 3, 4])
def test_a_run_goes_on_from_any_step_to_the_same_end_bit_for_bit(transformer: SHDT, run: Run, done: int) -> None:
    kept: list[Progress] = []
    pinned = replace(run, video_pins=Pins(seeded_noise(9, VIDEO)[0], torch.tensor([1.0, 0.0, 0.5])))
    whole = denoise(transformer, _noise(), pinned, kept.append)
    passes: list[object] = []
    transformer.register_forward_pre_hook(lambda module, given: passes.append(module))
    rest = denoise(transformer, _noise(), pinned, begun=kept[done - 1])
    assert len(passes) == 4 - done
    assert whole.video is not None
    assert rest.video is not None
    assert torch.equal(rest.video, whole.video)
    assert torch.equal(rest.audio, whole.audio)  # type: ignore[arg-type]


def test_video_and_audio_have_scales_of_their_own(transformer: SHDT, run: Run) -> None:
    one_step = replace(run, schedule=FlowSchedule(1))  # later steps mix what each modality became
    video, audio = _denoised(transformer, _noise(), one_step)
    guider = MultiModalGuider(video=Guidance(scale=3.0), audio=Guidance(scale=5.0))
    other_video, other_audio = _denoised(transformer, _noise(), replace(one_step, guider=guider))
    assert torch.equal(other_video, video)
    assert not torch.allclose(other_audio, audio, atol=1e-3)


def _first_text(run: Run, guider: MultiModalGuider) -> Run:
    return replace(run, text=run.text.first(1), guider=guider)


def test_a_reference_is_looked_at_and_stays_what_it_is(transformer: SHDT, run: Run) -> None:
    reference = torch.randn(VIDEO, generator=torch.Generator().manual_seed(5))
    plain, _ = _denoised(transformer, _noise(), run)
    referring, _ = _denoised(transformer, _noise(), replace(run, reference=reference))
    other, _ = _denoised(transformer, _noise(), replace(run, reference=-reference))
    assert referring.shape == plain.shape
    assert not torch.allclose(referring, plain)
    assert not torch.allclose(referring, other)
