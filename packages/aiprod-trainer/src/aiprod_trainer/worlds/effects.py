"""What a subject sounds like: one sample for every (event, subject), and beds for motions that never pause.

Every sample starts on its onset, so that whoever places it at a time is heard at that time.
"""

import math
from functools import lru_cache

import numpy as np
from scipy.signal import butter, sosfilt

from aiprod_trainer.worlds.ambience import glide, rest, ring
from aiprod_trainer.worlds.bed import Bed, Wave
from aiprod_trainer.worlds.motion import EventKind

ONSET_S = 0.05  # loudness of an event is that of its first 50 ms
EVENT_LEVEL = 0.16  # RMS over that time, at strength 1
HEAVY_LEVEL = 0.20

# Pitch of the thump and its decay: what the subject weighs, as heard.
WEIGHTS = {
    "elephant": (52.0, 0.09), "robot": (95.0, 0.05), "man": (105.0, 0.04), "woman": (150.0, 0.03), "dog": (170.0, 0.03),
    "penguin": (210.0, 0.03), "cat": (250.0, 0.022), "rabbit": (290.0, 0.022), "bird": (380.0, 0.018),
    "fish": (300.0, 0.03),
}  # fmt: skip
MIDDLE_WEIGHT = (200.0, 0.03)

MOTIONS = {
    ("drive", "car"): Bed(
        level=0.05, tones=((68, 0.5), (136, 1.0), (204, 0.7), (272, 0.5), (408, 0.3)), tremolo=(17, 0.5),
        noise=((80, 500, 0.5),),
    ),
    ("drive", "train"): Bed(
        level=0.055, tones=((48, 0.6), (96, 0.5)), noise=((300, 1600, 1.0),), swell=(5.0, 0.95),
    ),
    ("fly", "rocket"): Bed(level=0.07, noise=((40, 350, 1.0), (350, 2500, 0.5))),
    ("roll", "ball"): Bed(level=0.05, noise=((90, 320, 1.0),), swell=(6.0, 0.8)),
    ("sail", "boat"): Bed(level=0.014, noise=((500, 1500, 1.0),), swell=(0.5, 0.6)),
}  # fmt: skip


@lru_cache(maxsize=256)
def event_sound(kind: EventKind, subject: str, rate_hz: int) -> Wave:
    """The sound of one event, float32 [s], beginning on its onset; RMS over the first 50 ms is fixed."""
    match kind:
        case "footfall":
            wave = _clank(rate_hz) if subject == "robot" else _thump(subject, rate_hz, 1.0)
        case "land":
            wave = _thump(subject, rate_hz, 1.7)
        case "bounce":
            pitch = 1.6 if subject == "balloon" else 1.0
            spring = glide(rate_hz, (150 * pitch, 330 * pitch, 240 * pitch), 0.22, (1.0, 0.4, 0.2))
            wave = spring * _decay(0.22, 0.08, rate_hz)
        case "wing":
            wave = _burst(rate_hz, 350, 1400, 0.16, 0.05)
        case "splash":
            bubble = glide(rate_hz, (420, 700, 900), 0.3) * _decay(0.3, 0.05, rate_hz)
            wave = _burst(rate_hz, 900, 5000, 0.3, 0.08) + 0.5 * bubble
        case "call":
            wave = _call(subject, rate_hz)
    level = HEAVY_LEVEL if subject in ("elephant", "train") else EVENT_LEVEL
    wave = wave * _fade_out(len(wave), rate_hz)
    loudness = math.sqrt(float(np.mean(wave[: round(ONSET_S * rate_hz)] ** 2)))
    return np.asarray(wave * (level / loudness), np.float32)


def _decay(length_s: float, decay_s: float, rate_hz: int) -> Wave:
    return np.asarray(np.exp(-np.arange(round(length_s * rate_hz)) / (decay_s * rate_hz)), np.float32)


def _fade_out(samples: int, rate_hz: int) -> Wave:
    left_s = np.arange(samples, 0, -1) / rate_hz
    return np.asarray(np.minimum(left_s / 0.02, 1.0), np.float32)


def _burst(rate_hz: int, low_hz: float, high_hz: float, length_s: float, decay_s: float) -> Wave:
    """Band-passed noise with a sudden start and an exponential end; the same noise every time."""
    noise = np.random.default_rng(round(low_hz)).standard_normal(round((length_s + 0.02) * rate_hz))
    band = butter(2, (low_hz, min(high_hz, 0.45 * rate_hz)), "bandpass", fs=rate_hz, output="sos")
    settled = sosfilt(band, noise)[-round(length_s * rate_hz) :]
    return np.asarray(settled / settled.std() * _decay(length_s, decay_s, rate_hz), np.float32)


def _thump(subject: str, rate_hz: int, weight: float) -> Wave:
    """A falling low tone and a short brush of noise."""
    pitch_hz, decay_s = WEIGHTS.get(subject, MIDDLE_WEIGHT)
    pitch_hz, length_s = pitch_hz / weight, 0.22
    seconds = np.arange(round(length_s * rate_hz)) / rate_hz
    turns = pitch_hz * (seconds + 0.5 * decay_s * (1 - np.exp(-seconds / decay_s)))
    tone = np.cos(math.tau * turns) * _decay(length_s, decay_s * weight, rate_hz)
    return np.asarray(tone + 0.4 * _burst(rate_hz, 4 * pitch_hz, 16 * pitch_hz, length_s, 0.015 * weight), np.float32)


def _clank(rate_hz: int) -> Wave:
    partials = ((420, 0.35), (990, 0.3), (1730, 0.2), (2510, 0.15))
    return ring(rate_hz, partials, 0.2, 0.045) + 0.4 * _thump("robot", rate_hz, 1.0)[: round(0.2 * rate_hz)]


def _call(subject: str, rate_hz: int) -> Wave:
    """The voice of a subject; the world knows no silent thing, so that whatever stands can be heard."""
    rough = (0.5, 0.7, 0.8, 0.6, 0.5, 0.4, 0.3)
    match subject:
        case "cat":
            return glide(rate_hz, (620, 860, 900, 700, 520), 0.5, (1.0, 0.7, 0.4, 0.2))
        case "dog":
            bark = glide(rate_hz, (320, 430, 280), 0.14, rough) + 0.4 * _burst(rate_hz, 500, 2500, 0.14, 0.06)
            return np.concatenate([bark, rest(rate_hz, 0.1), bark])
        case "elephant":
            return glide(rate_hz, (330, 470, 520, 500, 400), 0.5, rough) + 0.2 * _burst(rate_hz, 800, 4000, 0.5, 0.3)
        case "robot":
            beeps = (glide(rate_hz, (hz, hz), 0.11, (1.0, 0.0, 0.3)) for hz in (880, 1320, 1100))
            return np.concatenate([part for beep in beeps for part in (beep, rest(rate_hz, 0.05))])
        case "bird":
            chirp = glide(rate_hz, (2300, 3100, 2100), 0.12, (1.0, 0.2))
            return np.concatenate([chirp, rest(rate_hz, 0.05)] * 3)
        case "car":
            return glide(rate_hz, (392, 392), 0.5, rough) + glide(rate_hz, (494, 494), 0.5, rough)
        case "ball":
            return glide(rate_hz, (1500, 1900, 1400), 0.15, (1.0, 0.4))
        case "woman":
            return glide(rate_hz, (290, 330, 280), 0.45, (0.8, 1.0, 0.9, 0.3, 0.1))
        case "man":
            return glide(rate_hz, (130, 150, 120), 0.45, (0.5, 0.7, 0.9, 1.0, 0.8, 0.4, 0.2, 0.2))
        case "train":
            return glide(rate_hz, (523, 540, 530), 0.6, (1.0, 0.4)) + glide(rate_hz, (659, 680, 668), 0.6, (1.0, 0.4))
        case "boat":
            return glide(rate_hz, (165, 165), 0.6, rough)
        case "rocket":
            return _burst(rate_hz, 1500, 8000, 0.5, 0.3)
        case "penguin":
            honk = glide(rate_hz, (380, 420, 340), 0.18, rough)
            return np.concatenate([honk, rest(rate_hz, 0.06), honk])
        case _:
            return glide(rate_hz, (1200, 1600, 1100), 0.2, (1.0, 0.3))
