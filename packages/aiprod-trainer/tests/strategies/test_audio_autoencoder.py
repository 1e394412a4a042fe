"""The audio autoencoder's loss is a distance between distributions, and training on it is repeatable."""

import math
from pathlib import Path

import pytest
import torch
from scipy.io import wavfile

from aiprod_core.errors import InputError
from aiprod_trainer.config import OptimizationSection, TrainConfig
from aiprod_trainer.strategies.audio_autoencoder import (
    AudioAutoencoder,
    distance,
    level_difference_db,
    mel_difference_db,
    power_spectra,
)


def _config(tmp_path: Path, **options: object) -> TrainConfig:
    return TrainConfig(
        training_strategy={"name": "audio_autoencoder", "crop_s": 0.2, "fitted_on": 6, "validated_on": 3, **options},
        optimization=OptimizationSection(steps=10, batch_size=2, learning_rate=2e-3),
        data={"level": 3},  # type: ignore[arg-type]
        output_dir=tmp_path,
    )


@pytest.fixture(name="strategy")
def _strategy(tmp_path: Path) -> AudioAutoencoder:
    torch.manual_seed(0)
    return AudioAutoencoder(_config(tmp_path))


def _noise(seed: int, gain: float = 0.1) -> torch.Tensor:
    return gain * torch.randn(1, 1, 48_000, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [192, 480, 1536])
def test_white_noise_has_its_own_power_in_every_bin(size: int) -> None:
    power = power_spectra(_noise(0), size)[:, :, 1:-1, 1:-1]
    assert power.mean().item() == pytest.approx(0.01, rel=0.05)


def test_the_energy_distance_of_noise_is_least_at_the_true_loudness(strategy: AudioAutoencoder) -> None:
    wanted = strategy._heard(_noise(0), 480)

    def energy(gain: float) -> float:
        one, other = (strategy._heard(_noise(seed, gain), 480) for seed in (1, 2))
        return (distance(wanted, one) + distance(wanted, other) - distance(one, other)).item()

    energies = {gain: energy(gain) for gain in (0.0, 0.05, 0.08, 0.1, 0.125, 0.2)}
    assert min(energies, key=lambda gain: energies[gain]) == 0.1


def test_distance_is_a_metric(strategy: AudioAutoencoder) -> None:
    a, b, c = (strategy._heard(_noise(seed), 192) for seed in range(3))
    assert distance(a, a) == 0
    torch.testing.assert_close(distance(a, b), distance(b, a))
    assert distance(a, c) <= distance(a, b) + distance(b, c)


def test_a_batch_is_a_function_of_its_step(strategy: AudioAutoencoder) -> None:
    sound = strategy.batch(5)["sound"]
    assert sound.shape == (2, 1, 4800)
    assert sound.abs().max() < 1
    assert torch.equal(sound, strategy.batch(5)["sound"])
    assert not torch.equal(sound, strategy.batch(6)["sound"])


def test_the_loss_draws_from_its_generator_alone_and_falls(strategy: AudioAutoencoder) -> None:
    batch = strategy.batch(0)
    losses = [strategy.loss(batch, torch.Generator().manual_seed(seed))["loss"] for seed in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]
    optimizer = torch.optim.Adam(strategy.model.parameters(), 2e-3)
    for step in range(8):
        optimizer.zero_grad()
        strategy.loss(batch, torch.Generator().manual_seed(step))["loss"].backward()
        assert all(p.grad is not None for p in strategy.model.parameters())
        optimizer.step()
    assert strategy.loss(batch, torch.Generator().manual_seed(1))["loss"] < 0.8 * losses[0]


def test_validation_fits_the_statistics_and_writes_what_was_heard(strategy: AudioAutoencoder, tmp_path: Path) -> None:
    figures = strategy.validate(tmp_path / "validation", 7)
    assert all(math.isfinite(value) for value in figures.values())
    assert figures["onsets_original"] >= 0.9
    assert figures["mel_other_noise_db"] < figures["mel_db"]  # nothing is learned yet
    rate_hz, samples = wavfile.read(tmp_path / "validation" / "step-00000007.wav")
    assert (rate_hz, samples.shape) == (24_000, (6 * 60_000,))
    sounds = torch.stack([strategy._whole(scene) for scene in strategy.training_scenes()])
    latents = strategy.model.encode(sounds)
    assert latents.mean(dim=(0, 2)).abs().max() < 1e-3
    assert (latents.std(dim=(0, 2)) - 1).abs().max() < 1e-3


def test_differences_are_zero_on_the_same_sound_and_six_decibels_on_its_double() -> None:
    sound = _noise(3)[0]
    assert mel_difference_db(sound, sound) == level_difference_db(sound, sound) == 0
    assert mel_difference_db(sound, 2 * sound) == pytest.approx(6.02, abs=0.01)
    assert level_difference_db(sound, 2 * sound) == pytest.approx(6.02, abs=0.01)


def test_an_unknown_option_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'noise'"):
        AudioAutoencoder(_config(tmp_path, noisy=1))
