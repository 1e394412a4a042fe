"""Backgrounds: setting, light and layout → layers, each sliding past at its own share of the camera's motion.

At level 1 (`jitter` 0) a background is a constant of setting, time and weather. A background knows no subject.
"""

import functools
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import skia

from aiprod_core.errors import InputError
from aiprod_trainer.worlds import landscapes, skies, towns
from aiprod_trainer.worlds.palette import light_of
from aiprod_trainer.worlds.pencil import BOTTOM, Pencil

PaintLayer: TypeAlias = Callable[[Pencil], None]

# Sky, far, middle, ground: share of the camera's motion, and depth for the haze.
PARALLAX = (0.0, 0.25, 0.5, 1.0)
DEPTHS = (1.0, 1.0, 0.32, 0.0)
SHIFT = 0.16  # how far a layer slides when the layout is free
REACH = 1.7  # half the width that a layer covers: half a wide frame and the longest travel

_LAYERS: dict[str, tuple[PaintLayer, PaintLayer, PaintLayer, PaintLayer]] = {
    "meadow": (skies.sky, landscapes.meadow_far, landscapes.meadow_middle, landscapes.meadow_ground),
    "forest": (skies.sky, landscapes.forest_far, landscapes.forest_middle, landscapes.forest_ground),
    "beach": (skies.sky, landscapes.beach_far, landscapes.beach_middle, landscapes.beach_ground),
    "city": (skies.sky, towns.city_far, towns.city_middle, towns.city_ground),
    "desert": (skies.sky, landscapes.desert_far, landscapes.desert_middle, landscapes.desert_ground),
    "mountains": (skies.sky, landscapes.mountains_far, landscapes.mountains_middle, landscapes.mountains_ground),
    "lake": (skies.sky, landscapes.lake_far, landscapes.lake_middle, landscapes.lake_ground),
    "farm": (skies.sky, landscapes.meadow_far, towns.farm_middle, towns.farm_ground),
    "village": (skies.sky, towns.village_far, towns.village_middle, towns.village_ground),
    "moon": (skies.space, landscapes.moon_far, landscapes.moon_middle, landscapes.moon_ground),
}


@dataclass(frozen=True)
class Layer:
    """A recorded drawing and its share of the camera's motion, in [0, 1]."""

    picture: skia.Picture
    parallax: float


@functools.lru_cache(maxsize=512)
def layers_of(setting: str, time: str, weather: str, jitter: int = 0) -> tuple[Layer, ...]:
    """The layers of a background, back to front.

    Raises `InputError` for a setting that has no drawing.
    """
    if setting not in _LAYERS:
        raise InputError(f"setting: got {setting!r}, expected one of {', '.join(_LAYERS)}; add its layers to _LAYERS")
    light = light_of(setting, time, weather)
    layout = random.Random(f"layout {jitter}")
    layers = []
    for paint_layer, depth, parallax in zip(_LAYERS[setting], DEPTHS, PARALLAX, strict=True):
        shift, growth = (0.0, 1.0) if jitter == 0 else (layout.uniform(-SHIFT, SHIFT), layout.uniform(0.88, 1.12))
        recorder = skia.PictureRecorder()
        canvas = recorder.beginRecording(skia.Rect.MakeLTRB(-REACH, skies.SKY_TOP, REACH, BOTTOM))
        paint_layer(Pencil(canvas=canvas, light=light, depth=depth, reach=REACH, shift=shift, growth=growth))
        layers.append(Layer(picture=recorder.finishRecordingAsPicture(), parallax=parallax))
    return tuple(layers)
