"""Training NAC on the sounds of the procedural world.

Noise cannot be coded sample by sample, and a distance to the one noise that was heard would teach the decoder
silence. The loss is therefore an energy distance: two decodings with different noise phases have to be as far from
each other as each is from the original, which is least where they sound like draws from the same place.
Source: A Spectral Energy Distance for Parallel Speech Synthesis (arXiv:2008.01160).
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from scipy.io import wavfile
from torch import Tensor, nn
from torch.nn import functional as F

from aiprod_core.models import nac
from aiprod_core.models.nac import NAC, mel_filters
from aiprod_trainer.config import Section, TrainConfig, parse
from aiprod_trainer.evaluation.onsets import onset_errors_s, onsets_s
from aiprod_trainer.trainer import Batch
from aiprod_trainer.worlds.motion import events_of
from aiprod_trainer.worlds.scene import Scene, sample_scene
from aiprod_trainer.worlds.sound import render_sound

PRESETS = {"nano": nac.NANO, "full": nac.FULL}

QUIETEST = 3e-4  # amplitude below which nothing is compared
ONSET_WITHIN_S = 0.04


class Options(Section):
    """`crop_s`: length of a training sample. `noise`: added to latents, as a share of each channel's deviation."""

    name: str
    crop_s: float = 1.6
    noise: float = 0.15
    kl_weight: float = 1e-4
    window_sizes: tuple[int, ...] = (192, 480, 1536)
    windows_per_step: int = 2  # so many of them are compared, in turn
    loudness_weight: float = 20.0
    mel_weight: float = 1.0
    fitted_on: int = 192  # scenes that the latent statistics are taken from
    validated_on: int = 24


class AudioAutoencoder:
    """Strategy: crops of the world's sound in, the same crops out. Levels up to `data.level` take turns."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.options: Options = parse(Options, config.training_strategy, "training_strategy")
        self.model = NAC(PRESETS[config.model.preset])

    @property
    def parts(self) -> dict[str, nn.Module]:
        return {"nac": self.model}

    @property
    def files(self) -> dict[str, str]:
        return {}

    def begin(self) -> None:
        """From random weights."""

    def batch(self, step: int) -> Batch:
        size = self.config.optimization.batch_size
        return {"sound": torch.stack([self._crop(step * size + i) for i in range(size)])}

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        o, sound = self.options, batch["sound"]
        raw = self.model.analyse(sound)
        drawn = torch.randn(raw.shape, generator=generator).to(raw)
        deviation = raw.detach().std(dim=(0, 2), keepdim=True)
        spectra = self.model.decoder(raw + o.noise * deviation * drawn)
        one, other = (self.model.sound_of(spectra, generator) for _ in range(2))
        turn = torch.randperm(len(o.window_sizes), generator=generator)[: o.windows_per_step].tolist()
        near, apart = torch.zeros(()).to(raw), torch.zeros(()).to(raw)
        for size in (o.window_sizes[n] for n in turn):
            with torch.no_grad():
                wanted = self._heard(sound, size)
            got, again = self._heard(one, size), self._heard(other, size)
            near = near + 0.5 * (distance(wanted, got) + distance(wanted, again)) / len(turn)
            apart = apart + distance(got, again) / len(turn)
        kl = raw.square().mean()
        return {"loss": 2 * near - apart + o.kl_weight * kl, "near": near, "apart": apart, "kl": kl}

    def _heard(self, sound: Tensor, size: int) -> list[Tensor]:
        """What is compared, weighted: the level of each bin, its amplitude, and the level of mel bands."""
        o, quiet, rate_hz = self.options, QUIETEST**2, self.model.config.sample_rate_hz
        power = power_spectra(sound, size)
        mel = mel_filters(size, size // 12, rate_hz).to(power)
        bands = torch.log(power @ mel + quiet)
        return [
            0.5 * torch.log(power + quiet),
            o.loudness_weight * torch.sqrt(power + quiet),
            0.5 * o.mel_weight * bands,
        ]

    @torch.no_grad()
    def validate(self, folder: Path, step: int) -> dict[str, float]:
        """How unseen scenes come back, beside the same scenes rendered with other noise; pairs to listen to as WAV.

        `onsets`: share of events with an onset within 40 ms, in the decoded sound and in the original.
        """
        self.fit_latent_statistics()
        count = self.options.validated_on
        scenes = [sample_scene(n, level=1 + n % self.config.data.level, split="test") for n in range(count)]
        sounds = [self._whole(scene) for scene in scenes]
        decoded = [self.model.decode(self.model.encode(sound[None]), sound.shape[-1])[0].cpu() for sound in sounds]
        sounds = [sound.cpu() for sound in sounds]
        rate_hz = self.model.config.sample_rate_hz
        others = [self._whole(replace(scene, index=scene.index + count)).cpu() for scene in scenes]
        self._write(folder / f"step-{step:08d}.wav", sounds, decoded)
        return {
            "mel_db": _mean([mel_difference_db(a, b) for a, b in zip(sounds, decoded, strict=True)]),
            "mel_other_noise_db": _mean([mel_difference_db(a, b) for a, b in zip(sounds, others, strict=True)]),
            "level_db": _mean([level_difference_db(a, b) for a, b in zip(sounds, decoded, strict=True)]),
            "onsets": onsets_kept(scenes, decoded, sample_rate_hz=rate_hz),
            "onsets_original": onsets_kept(scenes, sounds, sample_rate_hz=rate_hz),
        }

    @torch.no_grad()
    def fit_latent_statistics(self) -> None:
        """Mean and deviation per latent channel, from training scenes."""
        raw = torch.cat([self.model.analyse(self._whole(scene)[None]) for scene in self.training_scenes()], dim=2)
        self.model.set_latent_statistics(raw.mean(dim=(0, 2)), raw.std(dim=(0, 2)))

    def training_scenes(self) -> list[Scene]:
        """The scenes that statistics are taken from: none of them is in a batch."""
        return [sample_scene(n, level=1 + n % self.config.data.level) for n in range(-self.options.fitted_on, 0)]

    def _write(self, path: Path, sounds: Sequence[Tensor], decoded: Sequence[Tensor]) -> None:
        """The first pairs in a row, original before decoded."""
        path.parent.mkdir(parents=True, exist_ok=True)
        row = torch.cat([sound for pair in list(zip(sounds, decoded, strict=True))[:8] for sound in pair], dim=-1)
        samples = np.round(row.clamp(-1, 1).numpy().T * 32767).astype(np.int16)
        wavfile.write(path, self.model.config.sample_rate_hz, samples)

    def _whole(self, scene: Scene) -> Tensor:
        sound = torch.from_numpy(render_sound(scene, sample_rate_hz=self.model.config.sample_rate_hz))
        return sound.expand(self.model.config.channels, -1).to(self.model.latent_mean.device)

    def _crop(self, index: int) -> Tensor:
        """A crop of training scene `index` at a chance loudness, the same on every machine."""
        rng, rate_hz = random.Random(f"{self.config.seed} {index}"), self.model.config.sample_rate_hz
        scene = sample_scene(index, level=1 + index % self.config.data.level)
        sound = torch.from_numpy(render_sound(scene, sample_rate_hz=rate_hz))
        samples = min(round(self.options.crop_s * rate_hz), len(sound))
        start = rng.randrange(len(sound) - samples + 1)
        return rng.uniform(0.5, 1.1) * sound[start : start + samples].expand(self.model.config.channels, -1)


def distance(one: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
    """Sum of mean absolute differences: a metric, as an energy distance needs one."""
    return torch.stack([F.l1_loss(a, b) for a, b in zip(one, other, strict=True)]).sum()


def power_spectra(sound: Tensor, size: int) -> Tensor:
    """Power `[b c l bins]` in Hann windows of `size`, half overlapping; white noise has its own power in every bin."""
    window = torch.hann_window(size, device=sound.device)
    hop = size // 2
    halves = rearrange(F.pad(sound, (hop, hop + -sound.shape[-1] % hop)), "b c (l n) -> b c l n", n=hop)
    frames = torch.cat([halves[:, :, :-1], halves[:, :, 1:]], dim=-1)  # much faster backward than `unfold`
    spectra = torch.fft.rfft(frames * (window / window.square().sum().sqrt()))
    return spectra.real.square() + spectra.imag.square()


def mel_difference_db(one: Tensor, other: Tensor, *, size: int = 960, sample_rate_hz: int = 24_000) -> float:
    """Mean absolute difference of 64 mel bands over 40 ms windows, in dB, between sounds `[c s]`."""
    mel = mel_filters(size, 64, sample_rate_hz)
    level_db = [10 * torch.log10(power_spectra(sound[None], size) @ mel + QUIETEST**2) for sound in (one, other)]
    return float((level_db[0] - level_db[1]).abs().mean())


def level_difference_db(one: Tensor, other: Tensor, *, size: int = 2400) -> float:
    """Mean absolute difference of loudness over 100 ms windows, in dB: whether noise is as loud as it was."""
    level_db = []
    for sound in (one, other):
        frames = rearrange(sound[..., : sound.shape[-1] // size * size], "c (l n) -> c l n", n=size)
        level_db.append(10 * torch.log10(frames.square().mean(dim=-1) + QUIETEST**2))
    return float((level_db[0] - level_db[1]).abs().mean())


def onsets_kept(scenes: Sequence[Scene], sounds: Sequence[Tensor], *, sample_rate_hz: int) -> float:
    """Share of the scenes' events with an onset within 40 ms in their sounds `[c s]`."""
    errors: list[float] = []
    for scene, sound in zip(scenes, sounds, strict=True):
        found = onsets_s(sound[0].numpy(), sample_rate_hz=sample_rate_hz)
        errors += onset_errors_s([event.time_s for event in events_of(scene)], found)
    return _mean([float(error <= ONSET_WITHIN_S) for error in errors])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(len(values), 1)
