"""NAC keeps lengths, knows its latents' statistics, and its transform loses nothing."""

import math
from dataclasses import replace

import pytest
import torch

from aiprod_core.errors import InputError
from aiprod_core.models.nac import FULL, NAC, NANO, Hearing, Partials, inverse_stft, mel_filters, stft

TINY = replace(
    NANO, width=32, fine_width=32, encoder_depth=1, decoder_depth=1, fine_depth=1, latent_channels=8,
    hearings=(Hearing(size=240, bands=12, per_latent=4),),
)  # fmt: skip


@pytest.fixture(name="model")
def _model() -> NAC:
    torch.manual_seed(0)
    return NAC(TINY).eval()


def _sound(samples: int, channels: int = 1) -> torch.Tensor:
    return 0.3 * torch.randn(2, channels, samples, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("samples", [1, 959, 960, 961, 24_000, 60_000, 33_333])
def test_latents_are_whole_hops_and_sound_returns_at_its_length(model: NAC, samples: int) -> None:
    latents = model.encode(_sound(samples))
    assert latents.shape == (2, 8, -(-samples // 960))
    assert model.decode(latents).shape == (2, 1, 960 * latents.shape[2])
    assert model.decode(latents, samples).shape == (2, 1, samples)


def test_stereo_at_another_rate() -> None:
    model = NAC(replace(TINY, channels=2, hop=1920, sample_rate_hz=48_000))
    assert model.decode(model.encode(_sound(5000, channels=2)), 5000).shape == (2, 2, 5000)


@pytest.mark.parametrize("shape", [(1, 2, 960), (1, 960), (1, 1, 0)])
def test_sound_of_another_shape_is_refused(model: NAC, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"expected \[b 1 s\]"):
        model.encode(torch.zeros(shape))


def test_normalised_latents_have_zero_mean_and_unit_deviation(model: NAC) -> None:
    sound = _sound(96_000)
    raw = model.analyse(sound)
    model.set_latent_statistics(raw.mean(dim=(0, 2)), raw.std(dim=(0, 2)))
    latents = model.encode(sound)
    assert latents.mean(dim=(0, 2)).abs().max() < 1e-4
    assert (latents.std(dim=(0, 2)) - 1).abs().max() < 1e-4
    torch.testing.assert_close(model.denormalise(latents), raw, atol=1e-5, rtol=1e-4)
    again = NAC(TINY)
    again.load_state_dict(model.state_dict())
    torch.testing.assert_close(again.encode(sound), latents)


def test_decoding_is_repeatable_and_only_the_noise_depends_on_the_generator(model: NAC) -> None:
    latents = torch.randn(1, 8, 10, generator=torch.Generator().manual_seed(2))
    once = model.decode(latents)
    assert torch.equal(once, model.decode(latents))
    other = model.decode(latents, generator=torch.Generator().manual_seed(5))
    assert not torch.allclose(once, other)
    with torch.no_grad():  # silence the noise: then no draw can be heard
        model.decoder.head.weight[2 * TINY.partials :] = 0
        model.decoder.head.bias[2 * TINY.partials :] = -30.0
    other = model.decode(latents, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(model.decode(latents), other, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("band", "pitch"), [(3, 0.0), (20, 0.4), (40, -0.7)])
def test_a_steady_partial_is_a_steady_tone_of_its_own_frequency(band: int, pitch: float) -> None:
    partials, frames, amplitude = Partials(NANO), 100, 0.3
    strength, pitches = torch.zeros(1, 1, frames, NANO.partials), torch.full((1, 1, frames, NANO.partials), pitch)
    strength[..., band] = amplitude * 720 / 4
    tone = inverse_stft(partials(strength, pitches), NANO.frame_hop)[0, 0, 2400:-2400].double()
    wanted_hz = (partials.centres[band] + pitch * partials.reach[band]).item() * 24_000 / 720
    turns = wanted_hz * torch.arange(len(tone), dtype=torch.float64) / 24_000
    waves = torch.stack([torch.cos(math.tau * turns), torch.sin(math.tau * turns)], dim=1)
    fit = torch.linalg.lstsq(waves, tone[:, None]).solution
    assert fit.norm().item() == pytest.approx(amplitude, rel=0.02)
    assert (waves @ fit - tone[:, None]).abs().max() < 0.02 * amplitude


def test_a_gliding_partial_does_not_crackle() -> None:
    partials, frames = Partials(NANO), 60
    strength, pitches = torch.zeros(1, 1, frames, NANO.partials), torch.zeros(1, 1, frames, NANO.partials)
    strength[..., 20] = 54.0
    pitches[..., 20] = torch.linspace(-0.8, 0.8, frames)
    tone = inverse_stft(partials(strength, pitches), NANO.frame_hop)[0, 0, 2400:-2400]
    loudness = tone.unfold(0, 480, 120).square().mean(dim=1).sqrt()
    assert (loudness.max() / loudness.min()).item() < 1.1


@pytest.mark.parametrize("hop", [80, 240])
def test_inverse_stft_undoes_stft(hop: int) -> None:
    sound = _sound(hop * 17)
    assert stft(sound, hop).shape == (2, 1, 17, 3 * hop // 2 + 1)
    torch.testing.assert_close(inverse_stft(stft(sound, hop), hop), sound, atol=1e-5, rtol=0)


def test_a_click_moves_the_latents_of_its_own_time_most(model: NAC) -> None:
    quiet = torch.zeros(1, 1, 960 * 20)
    click = quiet.clone()
    click[..., 960 * 12 + 400] = 1.0
    change = (model.encode(click) - model.encode(quiet)).abs().sum(1)[0]
    assert change.argmax() == 12
    assert change[:6].max() < 0.05 * change[12]


def test_every_parameter_learns_from_the_sound(model: NAC) -> None:
    sound = _sound(9600)
    (model.decode(model.encode(sound)) - sound).abs().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize(("size", "bands", "rate"), [(1024, 80, 24_000), (240, 24, 24_000), (2048, 128, 48_000)])
def test_every_mel_band_hears_something(size: int, bands: int, rate: int) -> None:
    filters = mel_filters(size, bands, rate)
    assert filters.shape == (size // 2 + 1, bands)
    assert (filters.sum(0) > 0).all()
    assert (filters.argmax(0).diff() >= 0).all()


@pytest.mark.parametrize(("config", "low", "high"), [(NANO, 2e6, 5e6), (FULL, 45e6, 55e6)])
def test_parameter_counts(config: object, low: float, high: float) -> None:
    with torch.device("meta"):
        model = NAC(config)  # type: ignore[arg-type]
    assert low <= sum(p.numel() for p in model.parameters()) <= high
