"""NAC: a neural audio codec with continuous latents.

Sound `[b c s]` in [-1, 1] → latents `[b k l]`, `l = ceil(s / hop)` → sound. The encoder hears mel spectra through a
long window, which tells pitch, and a short one, which tells time. The decoder writes, for every frame, the strength
and frequency of a bank of partials, which keep their phase from frame to frame, and the magnitudes of a noise whose
phase is drawn; one inverse STFT turns their sum into sound. So no latent has to say a phase: a hiss stays a hiss, a
tone stays a tone, and a diffusion model has nothing to learn that nobody hears. Most work is done once a latent.

Knows no files and no devices. Latents are continuous; `rvq` makes codes of them for storage. Sources: spectral
decoding, Vocos (arXiv:2306.00814); blocks, ConvNeXt (arXiv:2201.03545); partials plus noise, Serra & Smith 1990 and
DDSP (arXiv:2001.04643).
"""

import math
from dataclasses import dataclass

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional as F

from aiprod_core.errors import InputError
from aiprod_core.models.layers import ChannelRMSNorm

QUIETEST = 1e-4  # amplitude that the encoder takes for silence
LOUDEST_LOG = 6.0  # bound of the decoder's log magnitudes


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """An analysis of the encoder: windows of `size` samples, `bands` on the mel scale, `per_latent` times a latent."""

    size: int
    bands: int
    per_latent: int


@dataclass(frozen=True, kw_only=True)
class NACConfig:
    """Sizes of the codec. `hop`: samples a latent stands for; `frames_per_latent`: spectra decoded from it."""

    sample_rate_hz: int
    channels: int
    hop: int
    latent_channels: int
    width: int
    encoder_depth: int
    decoder_depth: int
    fine_width: int  # at the decoder's frame rate
    fine_depth: int
    partials: int
    hearings: tuple[Hearing, ...]
    frames_per_latent: int = 4
    expansion: int = 2
    kernel: int = 7

    @property
    def latent_rate_hz(self) -> float:
        return self.sample_rate_hz / self.hop

    @property
    def frame_hop(self) -> int:
        """Samples between two spectra of the decoder; its window is three times as long."""
        return self.hop // self.frames_per_latent

    @property
    def bins(self) -> int:
        return 3 * self.frame_hop // 2 + 1


NANO = NACConfig(
    sample_rate_hz=24_000,
    channels=1,
    hop=960,
    latent_channels=32,
    width=256,
    encoder_depth=4,
    decoder_depth=4,
    fine_width=192,
    fine_depth=3,
    partials=64,
    hearings=(Hearing(size=1024, bands=80, per_latent=4), Hearing(size=240, bands=24, per_latent=8)),
)
FULL = NACConfig(
    sample_rate_hz=48_000,
    channels=2,
    hop=1920,
    latent_channels=64,
    width=768,
    encoder_depth=8,
    decoder_depth=8,
    fine_width=512,
    fine_depth=6,
    partials=128,
    hearings=(Hearing(size=2048, bands=128, per_latent=4), Hearing(size=480, bands=32, per_latent=8)),
)


class NAC(nn.Module):
    """The codec. `encode` gives normalised latents, `decode` takes them; statistics are the model's own buffers."""

    latent_mean: Tensor
    latent_scale: Tensor

    def __init__(self, config: NACConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.register_buffer("latent_mean", torch.zeros(config.latent_channels))
        self.register_buffer("latent_scale", torch.ones(config.latent_channels))

    def encode(self, sound: Tensor) -> Tensor:
        """Sound `[b c s]` in [-1, 1] → latents `[b k l]` of about zero mean and unit deviation, l = ceil(s / hop).

        Raises `InputError` where `sound` has other channels than the model, or no samples.
        """
        return self.normalise(self.analyse(sound))

    def decode(self, latents: Tensor, samples: int | None = None, generator: torch.Generator | None = None) -> Tensor:
        """Normalised latents `[b k l]` → sound `[b c s]`, about [-1, 1], not clamped; s is `samples` or `hop · l`.

        `generator`, on the CPU, draws the phases of the noise; without one they are always the same.
        """
        sound = self.synthesise(self.denormalise(latents), generator or torch.Generator().manual_seed(0))
        return sound[..., :samples]

    def analyse(self, sound: Tensor) -> Tensor:
        """Sound → raw latents, as training sees them."""
        self._check(sound)
        return self.encoder(F.pad(sound, (0, -sound.shape[-1] % self.config.hop)))

    def synthesise(self, latents: Tensor, generator: torch.Generator) -> Tensor:
        """Raw latents → sound."""
        return self.sound_of(self.decoder(latents), generator)

    def sound_of(self, spectra: "Spectra", generator: torch.Generator) -> Tensor:
        """Sound of what the decoder wrote, with noise phases from `generator`: two draws cost one decoder run."""
        shape = (*spectra.noise.shape, 2)
        drawn = torch.view_as_complex(torch.randn(shape, generator=generator).to(spectra.noise))
        return inverse_stft(spectra.partials + spectra.noise * drawn, self.config.frame_hop)

    def set_latent_statistics(self, mean: Tensor, std: Tensor) -> None:
        """Store what `normalise` subtracts and divides by, from per-channel statistics `[k]` of raw latents."""
        self.latent_mean.copy_(mean)
        self.latent_scale.copy_(std.clamp_min(1e-6))

    def normalise(self, raw: Tensor) -> Tensor:
        return (raw - self.latent_mean[:, None]) / self.latent_scale[:, None]

    def denormalise(self, latents: Tensor) -> Tensor:
        return latents * self.latent_scale[:, None] + self.latent_mean[:, None]

    def _check(self, sound: Tensor) -> None:
        if sound.ndim != 3 or sound.shape[1] != self.config.channels or sound.shape[2] == 0:
            expected = f"[b {self.config.channels} s] with s ≥ 1"
            raise InputError(
                f"sound: got shape {list(sound.shape)}, expected {expected}; mix down or duplicate channels"
            )


@dataclass(frozen=True)
class Spectra:
    """What the decoder writes: complex `partials` and the magnitude of `noise`, both `[b c l bins]`."""

    partials: Tensor
    noise: Tensor


class Encoder(nn.Module):
    """Sound `[b c s]`, whole hops → raw latents `[b k l]`."""

    def __init__(self, config: NACConfig) -> None:
        super().__init__()
        self.hop = config.hop
        self.ears = nn.ModuleList(Ear(hearing, config.sample_rate_hz) for hearing in config.hearings)
        heard = config.channels * sum(hearing.bands * hearing.per_latent for hearing in config.hearings)
        self.stem = nn.Linear(heard, config.width)
        self.blocks = nn.Sequential(*[Block(config.width, config) for _ in range(config.encoder_depth)])
        self.norm = ChannelRMSNorm(config.width)
        self.head = nn.Linear(config.width, config.latent_channels)

    def forward(self, sound: Tensor) -> Tensor:
        heard = torch.cat([ear(sound, self.hop) for ear in self.ears], dim=-1)  # b l n
        return rearrange(self.head(self.norm(self.blocks(self.stem(heard)))), "b l k -> b k l")


class Ear(nn.Module):
    """Log mel amplitudes of short windows, gathered for each latent: `[b c s]` → `[b l (per_latent c bands)]`."""

    window: Tensor
    mel: Tensor

    def __init__(self, hearing: Hearing, sample_rate_hz: int) -> None:
        super().__init__()
        self.hearing = hearing
        window = torch.hann_window(hearing.size)
        self.register_buffer("window", window / window.square().sum().sqrt(), persistent=False)
        self.register_buffer("mel", mel_filters(hearing.size, hearing.bands, sample_rate_hz), persistent=False)

    def forward(self, sound: Tensor, hop: int) -> Tensor:
        frames = framed(sound, self.hearing.size, hop // self.hearing.per_latent) * self.window
        spectra = torch.fft.rfft(frames)
        power = (spectra.real.square() + spectra.imag.square()) @ self.mel
        level = 0.5 * torch.log(power + QUIETEST**2) + 5.0  # about [-4, 4]
        return rearrange(0.5 * level, "b c (l p) n -> b l (p c n)", p=self.hearing.per_latent)


class Decoder(nn.Module):
    """Raw latents `[b k l]` → `Spectra` of `frames_per_latent · l` frames."""

    def __init__(self, config: NACConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = nn.Linear(config.latent_channels, config.width)
        self.blocks = nn.Sequential(*[Block(config.width, config) for _ in range(config.decoder_depth)])
        self.norm = ChannelRMSNorm(config.width)
        self.up = nn.Linear(config.width, config.frames_per_latent * config.fine_width)
        self.fine_blocks = nn.Sequential(*[Block(config.fine_width, config) for _ in range(config.fine_depth)])
        self.fine_norm = ChannelRMSNorm(config.fine_width)
        self.partials = Partials(config)
        self.head = nn.Linear(config.fine_width, config.channels * (2 * config.partials + config.bins))
        with torch.no_grad():  # start near the loudness of a quiet place
            strength, pitch, noise = self._split(self.head.bias)
            strength.fill_(-6.0)
            pitch.zero_()
            noise.fill_(-4.0)

    def forward(self, latents: Tensor) -> Spectra:
        x = self.norm(self.blocks(self.stem(rearrange(latents, "b k l -> b l k"))))
        x = rearrange(self.up(x), "b l (p d) -> b (l p) d", p=self.config.frames_per_latent)
        written = self.head(self.fine_norm(self.fine_blocks(x))).clamp_max(LOUDEST_LOG)
        strength, pitch, noise = (rearrange(part, "b l c n -> b c l n") for part in self._split(written))
        return Spectra(partials=self.partials(strength.exp(), torch.tanh(pitch)), noise=noise.exp())

    def _split(self, written: Tensor) -> tuple[Tensor, ...]:
        per_channel = rearrange(written, "... (c n) -> ... c n", n=2 * self.config.partials + self.config.bins)
        return per_channel.split([self.config.partials, self.config.partials, self.config.bins], dim=-1)


class Partials(nn.Module):
    """Sinusoids, each free to glide about its own place on the mel scale, written straight into Hann-window spectra."""

    centres: Tensor
    reach: Tensor

    def __init__(self, config: NACConfig) -> None:
        super().__init__()
        self.bins = config.bins
        edges = mel_edges_hz(config.partials, config.sample_rate_hz) * 3 * config.frame_hop / config.sample_rate_hz
        self.register_buffer("centres", edges[1:-1].float(), persistent=False)  # in bins
        self.register_buffer("reach", (edges[2:] - edges[:-2]).float() / 2, persistent=False)

    def forward(self, strength: Tensor, pitch: Tensor) -> Tensor:
        """`strength` ≥ 0 and `pitch` in [-1, 1], `[b c l n]` → complex spectra `[b c l bins]`."""
        place = self.centres + self.reach * pitch
        turns = place / 3  # of the sinusoid, from one frame to the next
        mean_turns = (turns + F.pad(turns[..., :-1, :], (0, 0, 1, 0))) / 2
        angle = math.tau * torch.cumsum(mean_turns - mean_turns.detach().floor(), dim=-2)  # whole turns change nothing
        near = place.detach().floor().long()[..., None] + torch.arange(-2, 4, device=place.device)
        lobe = strength[..., None] * hann_spectrum(place[..., None] - near) * (1 - 2 * (near % 2))
        lobe = rearrange(lobe * ((near >= 0) & (near < self.bins)), "b c l n k -> b c l (n k)")
        bins = rearrange(near.clamp(0, self.bins - 1), "b c l n k -> b c l (n k)")
        silence = lobe.new_zeros(*lobe.shape[:-1], self.bins)
        real, imaginary = (repeat(wave, "b c l n -> b c l (n k)", k=6) for wave in (angle.cos(), angle.sin()))
        return torch.complex(
            silence.scatter_add(-1, bins, lobe * real), silence.scatter_add(-1, bins, lobe * imaginary)
        )


class Block(nn.Module):
    """Depthwise convolution in time, then a small network per position: `[b l d]`."""

    def __init__(self, width: int, config: NACConfig) -> None:
        super().__init__()
        self.temporal = nn.Conv2d(width, width, (config.kernel, 1), padding=(config.kernel // 2, 0), groups=width)
        self.norm = ChannelRMSNorm(width)
        self.widen = nn.Linear(width, config.expansion * width)
        self.narrow = nn.Linear(config.expansion * width, width)
        nn.init.normal_(self.narrow.weight, std=0.3 / math.sqrt(config.expansion * width))
        nn.init.zeros_(self.narrow.bias)

    def forward(self, x: Tensor) -> Tensor:
        y = self.temporal(rearrange(x, "b l d -> b d l 1"))  # channels last in memory: four times faster on CPU
        y = self.norm(rearrange(y, "b d l 1 -> b l d"))
        return x + self.narrow(F.silu(self.widen(y)))


def framed(sound: Tensor, size: int, hop: int) -> Tensor:
    """`[… s]`, s whole hops → overlapping frames `[… s/hop size]`; frame i is centred on the middle of hop i."""
    before = (size - hop) // 2
    return F.pad(sound, (before, size - hop - before)).unfold(-1, size, hop)


def stft(sound: Tensor, hop: int) -> Tensor:
    """`[b c s]`, s whole hops → spectra `[b c s/hop bins]` of Hann windows three hops long."""
    return torch.fft.rfft(framed(sound, 3 * hop, hop) * torch.hann_window(3 * hop, device=sound.device))


def inverse_stft(spectra: Tensor, hop: int) -> Tensor:
    """Spectra `[b c l bins]` → sound `[b c hop·l]`: the least-squares inverse of `stft` (Griffin & Lim 1984)."""
    window = torch.hann_window(3 * hop, device=spectra.device)
    frames = torch.fft.irfft(spectra, n=3 * hop) * window
    weight = repeat(window.square(), "n -> l n", l=spectra.shape[-2])
    return _overlap_add(frames, hop) / _overlap_add(weight, hop)


def _overlap_add(frames: Tensor, hop: int) -> Tensor:
    """Frames `[… l 3·hop]` → their sum `[… hop·l]`, what reaches past either end cut off."""
    early, middle, late = rearrange(frames, "... l (n hop) -> n ... l hop", hop=hop)
    total = middle + F.pad(early[..., 1:, :], (0, 0, 0, 1)) + F.pad(late[..., :-1, :], (0, 0, 1, 0))
    return rearrange(total, "... l hop -> ... (l hop)")


def hann_spectrum(bins: Tensor) -> Tensor:
    """The Hann window's spectrum, `bins` away from its peak of 1, for a window centred on time zero."""
    return torch.sinc(bins) + 0.5 * (torch.sinc(bins - 1) + torch.sinc(bins + 1))


def mel_edges_hz(bands: int, sample_rate_hz: int) -> Tensor:
    """`bands + 2` frequencies evenly spaced on the mel scale (O'Shaughnessy 1987), from 0 to half the sample rate."""
    top_mel = 2595 * math.log10(1 + sample_rate_hz / 2 / 700)
    return 700 * (10 ** (torch.linspace(0, top_mel, bands + 2, dtype=torch.float64) / 2595) - 1)


def mel_filters(size: int, bands: int, sample_rate_hz: int) -> Tensor:
    """Triangles of equal width on the mel scale, `[size/2+1 bands]`, to multiply power with."""
    edges_hz = mel_edges_hz(bands, sample_rate_hz)
    hz = torch.arange(size // 2 + 1, dtype=torch.float64)[:, None] * sample_rate_hz / size
    low, middle, high = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    return torch.minimum((hz - low) / (middle - low), (high - hz) / (high - middle)).clamp_min(0).float()
