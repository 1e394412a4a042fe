"""Twenty looks of our own making: each a small declarative grade in ACEScct, applied after the shot's own.

Middle grey is at 0.41 in ACEScct, black at 0.07, SDR white at 0.95; a stop is 0.057.
"""

import difflib
from dataclasses import dataclass

from aiprod_core.errors import InputError
from aiprod_pipelines.color.grade import Cdl, Curves, Grade, Wheels
from aiprod_pipelines.color.operations import Points


@dataclass(frozen=True, kw_only=True)
class Look:
    """`keeps_grey`: whether what has no colour gets none."""

    description: str
    grade: Grade
    keeps_grey: bool = False


def find(name: str) -> Look:
    """The look called `name`. Raises `InputError` naming those nearest to it."""
    if name in LOOKS:
        return LOOKS[name]
    near = difflib.get_close_matches(name, LOOKS, n=3, cutoff=0.5) or LOOKS
    raise InputError(f"look: got {name!r}, expected one of {', '.join(near)}; `aiprod grade --list-looks` shows all")


SOFT_S: Points = ((0.07, 0.07), (0.28, 0.26), (0.42, 0.42), (0.6, 0.63), (0.95, 0.95))
HARD_S: Points = ((0.07, 0.05), (0.28, 0.22), (0.42, 0.415), (0.6, 0.66), (0.95, 0.97))
MATTE: Points = ((0.07, 0.17), (0.28, 0.3), (0.42, 0.42), (0.62, 0.6), (0.95, 0.88))

LOOKS: dict[str, Look] = {
    "noir": Look(
        description="black and white, deep shadows, hard light",
        grade=Grade(cdl=Cdl(saturation=0), curves=Curves(master=HARD_S)),
        keeps_grey=True,
    ),
    "silver": Look(
        description="black and white, long soft greys",
        grade=Grade(
            cdl=Cdl(saturation=0),
            curves=Curves(master=((0.07, 0.11), (0.28, 0.29), (0.42, 0.44), (0.62, 0.62), (0.95, 0.92))),
        ),
        keeps_grey=True,
    ),
    "sepia": Look(
        description="brown print on warm paper",
        grade=Grade(cdl=Cdl(saturation=0), wheels=Wheels(gain=(1.03, 1.0, 0.94), lift=(0.03, 0.015, 0.0))),
    ),
    "cyanotype": Look(
        description="blueprint: Prussian blue shadows, pale paper",
        grade=Grade(
            exposure_stops=-0.3,
            cdl=Cdl(saturation=0),
            wheels=Wheels(lift=(-0.02, 0.01, 0.06), gamma=(0.93, 1.0, 1.04)),
        ),
    ),
    "golden_hour": Look(
        description="low sun: amber light, warm open shadows",
        grade=Grade(
            exposure_stops=-0.25,
            cdl=Cdl(offset=(0.018, 0.003, -0.03)),
            curves=Curves(master=((0.07, 0.08), (0.3, 0.31), (0.45, 0.46), (0.7, 0.7), (0.95, 0.93))),
        ),
    ),
    "blue_hour": Look(
        description="after sunset: cool and dim, lamps still warm",
        grade=Grade(
            exposure_stops=-0.7,
            cdl=Cdl(saturation=0.9),
            wheels=Wheels(lift=(-0.03, -0.005, 0.035), gamma=(0.96, 0.99, 1.05)),
        ),
    ),
    "day_for_night": Look(
        description="a day shot made a moonlit night",
        grade=Grade(
            exposure_stops=-2.0,
            cdl=Cdl(saturation=0.4),
            wheels=Wheels(lift=(0.0, 0.0, 0.04), gain=(0.95, 0.975, 1.02)),
            curves=Curves(master=((0.07, 0.05), (0.3, 0.27), (0.45, 0.43), (0.7, 0.61), (0.95, 0.78))),
        ),
    ),
    "teal_orange": Look(
        description="teal shadows against orange skin and light",
        grade=Grade(
            exposure_stops=-0.15,
            curves=Curves(
                master=SOFT_S,
                red=((0.07, 0.05), (0.3, 0.28), (0.45, 0.46), (0.95, 0.96)),
                blue=((0.07, 0.1), (0.3, 0.32), (0.45, 0.435), (0.95, 0.91)),
            ),
        ),
    ),
    "bleach_bypass": Look(
        description="silver left in the print: little colour, much contrast",
        grade=Grade(cdl=Cdl(saturation=0.45), curves=Curves(master=HARD_S)),
        keeps_grey=True,
    ),
    "summer_slide": Look(
        description="reversal film on a sunny day: rich reds, deep blues",
        grade=Grade(
            exposure_stops=-0.2,
            cdl=Cdl(offset=(0.008, 0.0, -0.004), saturation=1.2),
            curves=Curves(master=((0.07, 0.05), (0.28, 0.25), (0.42, 0.42), (0.62, 0.63), (0.95, 0.95))),
        ),
    ),
    "cinema_print": Look(
        description="a release print: soft shoulder, dense warm middle, cool blacks",
        grade=Grade(
            cdl=Cdl(saturation=1.05),
            curves=Curves(
                master=((0.07, 0.08), (0.28, 0.25), (0.42, 0.41), (0.62, 0.63), (0.95, 0.91)),
                red=((0.07, 0.06), (0.42, 0.43), (0.95, 0.95)),
                blue=((0.07, 0.09), (0.42, 0.41), (0.95, 0.92)),
            ),
        ),
    ),
    "pastel": Look(
        description="light and soft: lifted shadows, gentle colours",
        grade=Grade(
            exposure_stops=0.5,
            cdl=Cdl(saturation=0.72),
            curves=Curves(master=((0.07, 0.2), (0.3, 0.36), (0.45, 0.48), (0.7, 0.69), (0.95, 0.92))),
        ),
        keeps_grey=True,
    ),
    "winter": Look(
        description="cold clear air: blue whites, little colour",
        grade=Grade(
            exposure_stops=0.2,
            cdl=Cdl(offset=(-0.022, 0.0, 0.028), saturation=0.7),
            curves=Curves(master=SOFT_S),
        ),
    ),
    "desert": Look(
        description="heat and dust: yellow light, bleached sky",
        grade=Grade(
            cdl=Cdl(offset=(0.02, 0.012, -0.04), saturation=0.7),
            curves=Curves(master=((0.07, 0.1), (0.28, 0.28), (0.42, 0.43), (0.62, 0.64), (0.95, 0.93))),
        ),
    ),
    "neon": Look(
        description="a city at night: magenta light, cyan shadows",
        grade=Grade(
            exposure_stops=-0.6,
            cdl=Cdl(saturation=1.1),
            curves=Curves(
                master=SOFT_S,
                red=((0.07, 0.05), (0.28, 0.25), (0.5, 0.51), (0.95, 0.95)),
                green=((0.07, 0.07), (0.45, 0.435), (0.95, 0.94)),
                blue=((0.07, 0.13), (0.3, 0.33), (0.5, 0.52), (0.95, 0.95)),
            ),
        ),
    ),
    "faded": Look(
        description="an old print: milky blacks, tired colours, a yellow cast",
        grade=Grade(cdl=Cdl(offset=(0.008, 0.004, -0.012), saturation=0.65), curves=Curves(master=MATTE)),
    ),
    "cross_process": Look(
        description="slide film in the wrong bath: green-blue shadows, yellow light",
        grade=Grade(
            exposure_stops=-0.25,
            curves=Curves(
                master=SOFT_S,
                red=((0.07, 0.03), (0.3, 0.27), (0.5, 0.52), (0.95, 0.96)),
                green=((0.07, 0.08), (0.3, 0.31), (0.5, 0.515), (0.95, 0.95)),
                blue=((0.07, 0.16), (0.4, 0.41), (0.95, 0.85)),
            ),
        ),
    ),
    "autumn": Look(
        description="fallen leaves: rust and straw, dim warm light",
        grade=Grade(
            exposure_stops=-0.35,
            cdl=Cdl(offset=(0.014, 0.0, -0.03), saturation=0.8),
            wheels=Wheels(lift=(0.02, 0.008, -0.005)),
        ),
    ),
    "verdigris": Look(
        description="unease: green fluorescent light, drained skin",
        grade=Grade(
            exposure_stops=-0.3,
            cdl=Cdl(offset=(-0.02, 0.012, -0.008), saturation=0.6),
            curves=Curves(master=SOFT_S),
        ),
    ),
    "vivid": Look(
        description="more of everything: colour and contrast, no tint",
        grade=Grade(exposure_stops=-0.1, cdl=Cdl(saturation=1.25), curves=Curves(master=SOFT_S)),
        keeps_grey=True,
    ),
}
