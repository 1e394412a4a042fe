"""Colours of the world: what time of day and weather make of the sky, the scenery and the subjects.

Colours are RGB triples in [0, 1]. Scenery takes the full tint of the hour and fades into the haze with depth;
subjects take a mild tint only, so that their colour stays readable at night and in fog.
"""

import functools
from dataclasses import dataclass
from typing import TypeAlias

Rgb: TypeAlias = tuple[float, float, float]

WHITE: Rgb = (1.0, 1.0, 1.0)
SNOW: Rgb = (0.95, 0.97, 1.0)


def rgb(hexadecimal: str) -> Rgb:
    """`"ff8000"` → (1.0, 0.5, 0.0)."""
    red, green, blue = bytes.fromhex(hexadecimal)
    return (red / 255, green / 255, blue / 255)


def mix(first: Rgb, second: Rgb, amount: float) -> Rgb:
    """`first` at amount 0, `second` at amount 1."""
    red, green, blue = (a + (b - a) * amount for a, b in zip(first, second, strict=True))
    return (red, green, blue)


def multiply(colour: Rgb, tint: Rgb) -> Rgb:
    red, green, blue = (a * b for a, b in zip(colour, tint, strict=True))
    return (red, green, blue)


@dataclass(frozen=True)
class Light:
    """How one hour and weather look in one setting.

    `sky`: top, middle, horizon. `tint` multiplies scenery, `subject_tint` subjects. `haze_near`, `haze_far`: how
    much of `haze` covers the ground at the hero's feet and the horizon. `snow_cover`: how white the ground is.
    `orb` is the sun or the moon, `orb_strength` how well it is seen. Amounts and strengths are in [0, 1].
    """

    sky: tuple[Rgb, Rgb, Rgb]
    tint: Rgb
    subject_tint: Rgb
    haze: Rgb
    haze_near: float
    haze_far: float
    snow_cover: float
    shadow: float
    cloud: Rgb
    cloud_strength: float
    orb: Rgb
    orb_strength: float
    is_night: bool
    is_dusk: bool

    def on(self, colour: Rgb, depth: float) -> Rgb:
        """Colour of scenery at `depth`: 0 at the hero's feet, 1 at the horizon."""
        haze = self.haze_near + (self.haze_far - self.haze_near) * depth
        return mix(multiply(colour, self.tint), self.haze, haze)


_SKIES = {
    ("day", "clear"): ("3fa4ec", "86caf5", "d8f0fb"),
    ("day", "rain"): ("6c8093", "95a7b5", "bccad2"),
    ("day", "snow"): ("94abc9", "bccce0", "e4ecf4"),
    ("day", "fog"): ("c3d0d6", "d5dee2", "e3eaeb"),
    ("dusk", "clear"): ("5d4ba6", "ea6f8c", "ffc06c"),
    ("dusk", "rain"): ("4d4569", "8f6479", "d08f6e"),
    ("dusk", "snow"): ("7a70b2", "d694b4", "fbd0ac"),
    ("dusk", "fog"): ("c9959c", "e3afa0", "f0c6a8"),
    ("night", "clear"): ("0a1138", "16265f", "31509a"),
    ("night", "rain"): ("121c33", "20304e", "3b506e"),
    ("night", "snow"): ("18234c", "2e3f78", "5268a2"),
    ("night", "fog"): ("36436a", "4a5980", "64749c"),
}
_TINTS = {
    ("day", "clear"): (1.0, 1.0, 1.0),
    ("day", "rain"): (0.76, 0.83, 0.88),
    ("day", "snow"): (0.93, 0.96, 1.0),
    ("day", "fog"): (0.90, 0.93, 0.94),
    ("dusk", "clear"): (1.0, 0.78, 0.72),
    ("dusk", "rain"): (0.72, 0.57, 0.60),
    ("dusk", "snow"): (0.95, 0.79, 0.83),
    ("dusk", "fog"): (0.95, 0.80, 0.74),
    ("night", "clear"): (0.33, 0.42, 0.70),
    ("night", "rain"): (0.33, 0.41, 0.57),
    ("night", "snow"): (0.46, 0.55, 0.82),
    ("night", "fog"): (0.35, 0.43, 0.64),
}
_SUBJECT_TINTS = {"day": (1.0, 1.0, 1.0), "dusk": (1.0, 0.92, 0.88), "night": (0.76, 0.82, 0.96)}
_WEATHER_TINTS = {
    "clear": (1.0, 1.0, 1.0),
    "rain": (0.93, 0.95, 0.97),
    "snow": (1.0, 1.0, 1.0),
    "fog": (0.97, 0.98, 0.98),
}
_HAZE = {"clear": (0.0, 0.34), "rain": (0.04, 0.52), "snow": (0.0, 0.46), "fog": (0.22, 0.90)}
_NIGHT_BLUE = 0.16  # of the haze on everything at night: sand and grass turn blue, not grey
_CLOUDS = {"day": "ffffff", "dusk": "ffc7b0", "night": "3a4f8e"}
_ORBS = {"day": "ffe066", "dusk": "ffe9a0", "night": "fff3cf"}
_CLOUD_STRENGTH = {"clear": 0.92, "rain": 1.0, "snow": 0.75, "fog": 0.0}
_ORB_STRENGTH = {"clear": 1.0, "rain": 0.0, "snow": 0.35, "fog": 0.4}
_SHADOW = {"clear": 0.34, "rain": 0.24, "snow": 0.22, "fog": 0.18}

# Space has no air: a black sky by day, a violet rim at dusk, and only the earth to light the night.
_SPACE_SKIES = {
    "day": ("11142a", "1b2042", "2c3460"),
    "dusk": ("1d1236", "5a2a62", "e08a5c"),
    "night": ("04050f", "080b1e", "0f1533"),
}


@functools.lru_cache(maxsize=256)
def light_of(setting: str, time: str, weather: str) -> Light:
    """The light of a scene; a constant of its three words."""
    in_space = setting == "moon"
    top, middle, horizon = (rgb(code) for code in (_SPACE_SKIES[time] if in_space else _SKIES[time, weather]))
    haze_near, haze_far = (0.0, 0.0) if in_space else _HAZE[weather]
    if time == "night":
        haze_near = max(haze_near, _NIGHT_BLUE)
    cloud = rgb(_CLOUDS[time])
    if weather == "rain":
        cloud = mix(middle, horizon, 0.7) if time == "night" else multiply(top, (0.80, 0.81, 0.84))
    if weather == "snow":
        cloud = mix(rgb(_CLOUDS[time]), middle, 0.45)
    return Light(
        sky=(top, middle, horizon),
        tint=_TINTS[time, weather],
        subject_tint=multiply(_SUBJECT_TINTS[time], _WEATHER_TINTS[weather]),
        haze=mix(middle, horizon, 0.7),
        haze_near=haze_near,
        haze_far=haze_far,
        snow_cover=0.62 if weather == "snow" else 0.0,
        shadow=_SHADOW[weather],
        cloud=cloud,
        cloud_strength=0.0 if in_space else _CLOUD_STRENGTH[weather],
        orb=rgb(_ORBS[time]),
        orb_strength=_ORB_STRENGTH[weather],
        is_night=time == "night",
        is_dusk=time == "dusk",
    )
