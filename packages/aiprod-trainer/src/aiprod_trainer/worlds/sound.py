"""The sound of a scene: beds of place, weather and time, the subject's motion, and every event on its moment.

Mono, float32. Timbres and levels are constants at level 1 (only the noise differs); from level 2 on the place is
louder or softer by chance.
"""

import random
import zlib

import numpy as np

from aiprod_trainer.worlds.ambience import SETTINGS, TIMES, WEATHERS
from aiprod_trainer.worlds.bed import Wave, render_bed
from aiprod_trainer.worlds.effects import MOTIONS, event_sound
from aiprod_trainer.worlds.motion import Event, events_of
from aiprod_trainer.worlds.scene import Scene

SAMPLE_RATE_HZ = 24_000
CEILING = 0.85


def render_sound(scene: Scene, *, sample_rate_hz: int = SAMPLE_RATE_HZ) -> Wave:
    """Sound of a scene, float32 [s] in (-0.85, 0.85), exactly `round(duration_s · sample_rate_hz)` samples.

    The same scene is the same sound. Each event of `motion.events_of` begins on its sample.
    """
    samples = round(scene.duration_s * sample_rate_hz)
    rng = np.random.default_rng(zlib.crc32(repr(scene).encode()))
    wave = _ambience(scene, samples, sample_rate_hz, rng)
    if (motion := MOTIONS.get((scene.action, scene.subject))) is not None:
        wave += render_bed(motion, samples, sample_rate_hz, rng)
    for event in events_of(scene):
        _place(wave, event, scene.subject, sample_rate_hz)
    return np.asarray(CEILING * np.tanh(wave / CEILING), np.float32)


def ambience_label(scene: Scene) -> str:
    """What is heard behind the events, as one label: setting/weather, e.g. `beach/rain`."""
    return f"{scene.setting}/{scene.weather}"


def _ambience(scene: Scene, samples: int, rate_hz: int, rng: np.random.Generator) -> Wave:
    beds = (SETTINGS[scene.setting], WEATHERS.get(scene.weather), TIMES.get(scene.time))
    wave = np.zeros(samples, np.float32)
    for bed in beds:
        if bed is not None:
            wave += render_bed(bed, samples, rate_hz, rng)
    gain = random.Random(scene.jitter).uniform(0.7, 1.0) if scene.jitter else 1.0
    return wave * np.float32(gain)


def _place(wave: Wave, event: Event, subject: str, rate_hz: int) -> None:
    """Add an event's sound at its moment, cut off where the clip ends. Soft events are softer, never faint."""
    sound = event_sound(event.kind, subject, rate_hz)
    start = round(event.time_s * rate_hz)
    stop = min(start + len(sound), len(wave))
    wave[start:stop] += np.float32(0.6 + 0.4 * event.strength) * sound[: stop - start]
