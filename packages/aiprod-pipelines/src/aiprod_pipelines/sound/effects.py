"""A library of sound effects, all synthesised here: asked for by name, the same for the same seed.

`describe` says what there is. Nothing is read from a file.
"""

import difflib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aiprod_core.errors import InputError
from aiprod_pipelines.picture import SOUND_RATE_HZ, Sound
from aiprod_pipelines.sound import accents, foley, machines, nature
from aiprod_pipelines.sound.fades import faded
from aiprod_pipelines.sound.filters import highpass

Maker: TypeAlias = Callable[[np.random.Generator], NDArray[np.float32]]

SUBSONIC_HZ = 20.0
EDGE_S = 0.002  # faded at the end, and never at the beginning of what strikes


@dataclass(frozen=True, kw_only=True)
class Effect:
    """How a sound is made, its highest sample in decibels of full scale, and what it is in words."""

    make: Maker
    peak_db: float
    words: str


LIBRARY = {
    "footstep": Effect(make=foley.step_concrete, peak_db=-14, words="one step on stone"),
    "footstep_wood": Effect(make=foley.step_wood, peak_db=-14, words="one step on boards"),
    "footstep_gravel": Effect(make=foley.step_gravel, peak_db=-14, words="one step on gravel"),
    "footstep_grass": Effect(make=foley.step_grass, peak_db=-18, words="one step on grass"),
    "footstep_snow": Effect(make=foley.step_snow, peak_db=-16, words="one step on snow"),
    "door": Effect(make=foley.door, peak_db=-8, words="a door creaks and shuts"),
    "knock": Effect(make=foley.knock, peak_db=-9, words="three knocks on wood"),
    "glass": Effect(make=foley.glass, peak_db=-7, words="glass breaks"),
    "click": Effect(make=foley.click, peak_db=-14, words="a switch"),
    "typing": Effect(make=foley.typing, peak_db=-16, words="a keyboard for three seconds"),
    "clap": Effect(make=foley.clap, peak_db=-9, words="hands, once"),
    "applause": Effect(make=foley.applause, peak_db=-9, words="a hall claps for four seconds"),
    "heartbeat": Effect(make=foley.heartbeat, peak_db=-8, words="two beats of a heart"),
    "clock": Effect(make=foley.clock, peak_db=-16, words="four ticks"),
    "phone": Effect(make=foley.phone, peak_db=-12, words="an old telephone rings twice"),
    "thunder": Effect(make=nature.thunder, peak_db=-4, words="lightning and its rolling"),
    "fire": Effect(make=nature.fire, peak_db=-12, words="a fire crackles"),
    "drop": Effect(make=nature.drop, peak_db=-14, words="a drop falls into water"),
    "splash": Effect(make=nature.splash, peak_db=-8, words="something falls into water"),
    "bird": Effect(make=nature.bird, peak_db=-14, words="a bird sings a phrase"),
    "dog": Effect(make=nature.dog, peak_db=-8, words="a dog barks twice"),
    "cricket": Effect(make=nature.cricket, peak_db=-20, words="a cricket chirps three times"),
    "owl": Effect(make=nature.owl, peak_db=-16, words="an owl calls"),
    "gust": Effect(make=nature.gust, peak_db=-12, words="a gust of wind"),
    "bell": Effect(make=machines.bell, peak_db=-8, words="a church bell, one stroke"),
    "horn": Effect(make=machines.horn, peak_db=-8, words="a car's horn"),
    "siren": Effect(make=machines.siren, peak_db=-9, words="a two-tone siren"),
    "alarm": Effect(make=machines.alarm, peak_db=-12, words="an alarm clock"),
    "car": Effect(make=machines.car, peak_db=-8, words="a car passes from left to right"),
    "motor": Effect(make=machines.motor, peak_db=-10, words="an engine starts and idles"),
    "train": Effect(make=machines.train, peak_db=-8, words="a train over the joints of its rails"),
    "plane": Effect(make=machines.plane, peak_db=-9, words="a plane passes overhead"),
    "explosion": Effect(make=machines.explosion, peak_db=-3, words="an explosion and its debris"),
    "shot": Effect(make=machines.shot, peak_db=-4, words="a shot outdoors"),
    "whoosh": Effect(make=accents.whoosh, peak_db=-9, words="air from left to right, for a fast cut"),
    "impact": Effect(make=accents.impact, peak_db=-4, words="a heavy blow in a hall"),
    "riser": Effect(make=accents.riser, peak_db=-9, words="three seconds that rise to a cut"),
    "downer": Effect(make=accents.downer, peak_db=-9, words="a fall of pitch"),
    "boom": Effect(make=accents.boom, peak_db=-4, words="a deep drum in a large hall"),
    "shimmer": Effect(make=accents.shimmer, peak_db=-12, words="small bells, upwards"),
}


def effect(name: str, seed: int = 0) -> Sound:
    """The effect `name` at 48 kHz, mono or stereo, as loud as it is beside the others of the library.

    Another seed gives another of its kind. Raises `InputError` for a name that is not in `LIBRARY`.
    """
    if name not in LIBRARY:
        near = difflib.get_close_matches(name, LIBRARY, n=3) or sorted(LIBRARY)
        raise InputError(f"effect: got {name!r}, expected a name of the library; try {', '.join(near)}")
    described = LIBRARY[name]
    digest = hashlib.sha256(f"{name}:{seed}".encode()).digest()
    made = np.atleast_2d(described.make(np.random.default_rng(int.from_bytes(digest[:8], "little"))))
    clean = highpass(made, SUBSONIC_HZ, SOUND_RATE_HZ, order=2)
    peak = 10 ** (described.peak_db / 20) / float(np.abs(clean).max())
    return Sound(faded(clean * np.float32(peak), 0, round(EDGE_S * SOUND_RATE_HZ)))
