"""What effects, ambience and instruments are made of: noise, sweeps, modes, envelopes, grains and rooms.

Pure functions of a generator and numbers; mono `[s]` at 48 kHz unless said, near full scale. The same generator gives
the same sound. Knows nothing of what the sounds are for.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aiprod_pipelines.picture import SOUND_RATE_HZ
from aiprod_pipelines.sound.filters import bandpass

Wave: TypeAlias = NDArray[np.float32]
RATE_HZ = SOUND_RATE_HZ
KINDS = 32  # as many as an ear takes for all different


def samples_of(duration_s: float) -> int:
    return max(round(duration_s * RATE_HZ), 1)


def times(duration_s: float) -> Wave:
    """The time of every sample, in seconds."""
    return (np.arange(samples_of(duration_s)) / RATE_HZ).astype(np.float32)


def envelope(duration_s: float, *points: tuple[float, float]) -> Wave:
    """A line through `points` of (time in s, value), held at both ends."""
    at_s, values = zip(*points, strict=True)
    return np.interp(times(duration_s), at_s, values).astype(np.float32)


def decay(duration_s: float, half_life_s: float, attack_s: float = 0.001) -> Wave:
    """From 0 to 1 in `attack_s`, then exponentially down by half in every `half_life_s`, and to 0 at the end."""
    at_s = times(duration_s)
    falling = np.exp2(-np.maximum(at_s - attack_s, 0) / half_life_s, dtype=np.float32)
    return np.minimum(at_s / attack_s, 1) * (falling - falling[-1])


def noise(generator: np.random.Generator, duration_s: float) -> Wave:
    """White noise, root mean square 0.3."""
    return 0.3 * generator.standard_normal(samples_of(duration_s), dtype=np.float32)


def band_noise(generator: np.random.Generator, duration_s: float, low_hz: float, high_hz: float) -> Wave:
    """Noise between two frequencies, root mean square 0.3 whatever its width."""
    return _at_rms(bandpass(noise(generator, duration_s), low_hz, high_hz, RATE_HZ))


def loop_noise(generator: np.random.Generator, length: int, low_hz: float, high_hz: float, tilt_db: float) -> Wave:
    """Noise of `length` samples whose end goes over into its beginning without a seam: rms 0.3.

    Between two frequencies, with edges of an octave; `tilt_db`: per octave, -3 is pink, -6 is brown.
    """
    frequencies = np.maximum(np.fft.rfftfreq(length, 1 / RATE_HZ), 1e-3)
    octaves = np.log2(frequencies / low_hz), np.log2(high_hz / frequencies)
    edges = np.clip(octaves[0] + 1, 0, 1) * np.clip(octaves[1] + 1, 0, 1)
    colour = edges * 10 ** (tilt_db * np.log2(frequencies / 1000) / 20)
    phases = np.exp(2j * np.pi * generator.random(len(frequencies)))
    return _at_rms(np.fft.irfft(colour * phases, length).astype(np.float32))


def loop_drift(generator: np.random.Generator, length: int, slowest_s: float, fastest_s: float) -> Wave:
    """A value in [0, 1] that wanders, with swings of `fastest_s` to `slowest_s`, and ends where it began."""
    cycles = np.arange(1, max(round(length / RATE_HZ / fastest_s), 1) + 1)
    weights = (cycles >= min(length / RATE_HZ / slowest_s, cycles[-1])) / np.sqrt(cycles)
    phases = generator.random(len(cycles)) * 2 * np.pi
    coarse = np.arange(0, length, 480)
    waves = np.cos(2 * np.pi * cycles[:, None] * coarse / length + phases[:, None])
    swings = (weights[:, None] * waves).sum(axis=0)
    drift = np.interp(np.arange(length), [*coarse, length], [*swings, swings[0]])
    return ((drift - drift.min()) / max(float(np.ptp(drift)), 1e-9)).astype(np.float32)


def sweep(frequency_hz: Wave) -> Wave:
    """A sine whose frequency at every sample is given."""
    return np.sin(2 * np.pi * np.cumsum(frequency_hz, dtype=np.float64) / RATE_HZ).astype(np.float32)


def harmonics(frequency_hz: Wave, amplitudes: Sequence[float]) -> Wave:
    """A tone with overtones: amplitude of each multiple of the frequency, those above 20 kHz left out."""
    phase = 2 * np.pi * np.cumsum(frequency_hz, dtype=np.float64) / RATE_HZ
    highest_hz, tone = float(frequency_hz.max()), np.zeros(len(phase))
    for n, amplitude in enumerate(amplitudes, 1):
        if n * highest_hz < 20_000:
            tone += amplitude * np.sin(n * phase)
    return tone.astype(np.float32)


def modes(duration_s: float, *partials: tuple[float, float, float], attack_s: float = 0.001) -> Wave:
    """A struck body: partials of (frequency in Hz, half-life in s, amplitude), all beginning together."""
    at_s = times(duration_s)
    rung = np.zeros(len(at_s), np.float32)
    for frequency_hz, half_life_s, amplitude in partials:
        rung += amplitude * np.sin(2 * np.pi * frequency_hz * at_s) * decay(duration_s, half_life_s, attack_s)
    return rung


def fm(frequency_hz: float, ratio: float, index: Wave) -> Wave:
    """Frequency modulation: a sine modulated by another at `ratio` times its frequency, by `index` radians `[s]`.

    Chowning: The Synthesis of Complex Audio Spectra by Means of Frequency Modulation, JAES 21(7), 1973.
    """
    turn = 2 * np.pi * frequency_hz * np.arange(len(index)) / RATE_HZ
    return np.sin(turn + index * np.sin(ratio * turn)).astype(np.float32)


def swept_noise(generator: np.random.Generator, centre_hz: Wave, width_octaves: float = 0.7) -> Wave:
    """Noise in a band that moves: its centre at every sample is given, between 60 Hz and 15 kHz."""
    duration_s = len(centre_hz) / RATE_HZ
    swept = np.zeros(len(centre_hz), np.float32)
    for middle_hz in 60 * 2 ** np.arange(0, 8.1, 0.5):
        near = np.exp(-np.square(np.log2(centre_hz / middle_hz) / width_octaves), dtype=np.float32)
        if near.max() > 0.01:
            swept += near * band_noise(generator, duration_s, middle_hz / 2**0.25, middle_hz * 2**0.25)
    return swept


def scatter(
    generator: np.random.Generator, length: int, per_s: float, grain: Callable[[np.random.Generator], Wave]
) -> Wave:
    """Grains of `KINDS` kinds at random places of `length` samples; what passes the end goes on at the beginning."""
    scattered, kinds = np.zeros(length, np.float32), [grain(generator) for _ in range(KINDS)]
    for place in np.sort(generator.integers(0, length, round(per_s * length / RATE_HZ))):
        add_around(scattered, kinds[int(generator.integers(KINDS))], int(place))
    return scattered


def add_around(onto: NDArray[np.float32], what: NDArray[np.float32], start: int) -> None:
    """Add `what` `[… s]` onto the loop `onto` `[… s]` from sample `start`, in place."""
    length, done = onto.shape[-1], 0
    while done < what.shape[-1]:
        place = (start + done) % length
        part = what[..., done : done + length - place]
        onto[..., place : place + part.shape[-1]] += part
        done += part.shape[-1]


def placed(duration_s: float, *parts: tuple[float, Wave]) -> Wave:
    """Sounds at their times in `duration_s` of silence: pairs of (start in s, sound); what passes the end is cut."""
    line = np.zeros(samples_of(duration_s), np.float32)
    for start_s, part in parts:
        start = round(start_s * RATE_HZ)
        fitting = part[: max(len(line) - start, 0)]
        line[start : start + len(fitting)] += fitting
    return line


def in_room(
    generator: np.random.Generator, sound: NDArray[np.float32], seconds: float, wet: float, dark_hz: float = 6000
) -> NDArray[np.float32]:
    """`sound` `[s]` or `[2 s]` in a room that rings for `seconds` (60 dB), as stereo `[2 s]`, longer by as much.

    The room's answer is noise that decays: Moorer, About This Reverberation Business, CMJ 3(2), 1979.
    """
    from scipy.signal import oaconvolve

    dry = np.pad(np.broadcast_to(sound, (2, sound.shape[-1])), ((0, 0), (0, samples_of(seconds))))
    late = np.stack([noise(generator, seconds) for _ in range(2)]) * decay(seconds, seconds / 10, 0.02)
    dull = np.stack([bandpass(side, 80, dark_hz, RATE_HZ, order=1) for side in late])
    answer = dull / np.sqrt(np.square(dull).sum(axis=1, keepdims=True))
    ringing = oaconvolve(dry, answer, axes=1)[:, : dry.shape[1]]
    return np.asarray((1 - wet) * dry + wet * ringing, dtype=np.float32)


def panned(sound: Wave, place: Wave | float) -> NDArray[np.float32]:
    """`sound` between left (-1) and right (1) with constant power: `[2 s]`."""
    angle = (np.asarray(place, np.float32) + 1) * np.pi / 4
    return np.stack([np.cos(angle) * sound, np.sin(angle) * sound]).astype(np.float32)


def _at_rms(sound: Wave, rms: float = 0.3) -> Wave:
    scale = rms / max(float(np.sqrt(np.square(sound, dtype=np.float64).mean())), 1e-9)
    levelled: Wave = sound * np.float32(scale)
    return levelled
