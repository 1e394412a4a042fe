"""How different two colours look: CIE Lab and CIEDE2000; and OKLab, in which shots are matched.

Knows colours `[… 3]` in display light; nothing of code values, files or frames.
"""

import numpy as np
from numpy.typing import NDArray

from aiprod_pipelines.picture import Encoding

Array = NDArray[np.float64]
Colours = NDArray[np.floating]

# ITU-R BT.709 and BT.2020 primaries with D65, to CIE XYZ
XYZ_OF_RGB: dict[bool, Array] = {
    False: np.array(
        [
            [0.4123907992659595, 0.357584339383878, 0.1804807884018343],
            [0.2126390058715104, 0.715168678767756, 0.07219231536073371],
            [0.01933081871559185, 0.119194779794626, 0.9505321522496607],
        ]
    ),
    True: np.array(
        [
            [0.6369580483012913, 0.14461690358620838, 0.16888097516417205],
            [0.26270021201126703, 0.677998071518871, 0.059301716469861945],
            [0.0, 0.028072693049087508, 1.0609850577107909],
        ]
    ),
}
D65 = XYZ_OF_RGB[False].sum(axis=1)  # XYZ of white, Y = 1
# Björn Ottosson, "A perceptual color space for image processing", 2020; of 2021-01-25
_LMS_OF_XYZ = np.array(
    [
        [0.8190224379967030, 0.3619062600528904, -0.1288737815209879],
        [0.0329836539323885, 0.9292868615863434, 0.0361446663506424],
        [0.0481771893596242, 0.2642395317527308, 0.6335478284694309],
    ]
)
_OKLAB_OF_ROOTS = np.array(
    [
        [0.2104542683093140, 0.7936177747023054, -0.0040720430116193],
        [1.9779985324311684, -2.4285922420485799, 0.4505937096174110],
        [0.0259040424655478, 0.7827717124575296, -0.8086757549230774],
    ]
)


def light_to_xyz(light: Colours, encoding: Encoding) -> Array:
    """Linear RGB in the primaries of `encoding` to CIE XYZ with Y = 1 at white."""
    return np.asarray(light, np.float64) @ XYZ_OF_RGB[encoding.is_hdr].T


def xyz_to_light(xyz: Colours, encoding: Encoding) -> Array:
    """CIE XYZ with Y = 1 at white to linear RGB in the primaries of `encoding`; outside its gamut, negative."""
    return np.asarray(xyz, np.float64) @ np.linalg.inv(XYZ_OF_RGB[encoding.is_hdr]).T


def xyz_to_lab(xyz: Colours) -> Array:
    """CIE 1976 L*a*b* (ISO/CIE 11664-4) for D65."""
    ratio = np.asarray(xyz, np.float64) / D65
    root = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def xyz_to_oklab(xyz: Colours) -> Array:
    """OKLab, L in [0, 1] for light up to white."""
    return np.cbrt(np.asarray(xyz, np.float64) @ _LMS_OF_XYZ.T) @ _OKLAB_OF_ROOTS.T


def oklab_to_xyz(oklab: Colours) -> Array:
    """The inverse of `xyz_to_oklab`."""
    return (np.asarray(oklab, np.float64) @ np.linalg.inv(_OKLAB_OF_ROOTS).T) ** 3 @ np.linalg.inv(_LMS_OF_XYZ).T


def ciede2000(lab_1: Colours, lab_2: Colours) -> Array:
    """CIEDE2000 of pairs of CIE Lab colours `[… 3]`: 1 is about the least difference seen (ISO/CIE 11664-6).

    Names and equations are those of Sharma, Wu and Dalal, 2005, whose 34 pairs it reproduces.
    """
    (l1, a1, b1), (l2, a2, b2) = (np.moveaxis(np.asarray(lab, np.float64), -1, 0) for lab in (lab_1, lab_2))
    c7_bar = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    g = 0.5 * (1 - np.sqrt(c7_bar / (c7_bar + 25.0**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    grey = c1 * c2 == 0

    delta_l, delta_c = l2 - l1, c2 - c1
    turn = np.where(grey, 0, (h2 - h1 + 180) % 360 - 180)
    turn = np.where(~grey & (h2 - h1 == 180), 180, turn)
    delta_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn) / 2)

    l_bar, c_bar = (l1 + l2) / 2, (c1 + c2) / 2
    far = np.abs(h1 - h2) > 180
    h_bar = np.where(grey, h1 + h2, (h1 + h2 + np.where(far, np.where(h1 + h2 < 360, 360, -360), 0)) / 2)
    return _weighted(delta_l, delta_c, delta_h, l_bar, c_bar, h_bar)


def _weighted(delta_l: Array, delta_c: Array, delta_h: Array, l_bar: Array, c_bar: Array, h_bar: Array) -> Array:
    """Equations 15 to 22, with parametric factors of 1."""
    t = (
        1
        - 0.17 * np.cos(np.radians(h_bar - 30))
        + 0.24 * np.cos(np.radians(2 * h_bar))
        + 0.32 * np.cos(np.radians(3 * h_bar + 6))
        - 0.20 * np.cos(np.radians(4 * h_bar - 63))
    )
    r_c = 2 * np.sqrt(c_bar**7 / (c_bar**7 + 25.0**7))
    r_t = -np.sin(np.radians(60 * np.exp(-(((h_bar - 275) / 25) ** 2)))) * r_c
    s_l = 1 + 0.015 * (l_bar - 50) ** 2 / np.sqrt(20 + (l_bar - 50) ** 2)
    lightness, chroma, hue = delta_l / s_l, delta_c / (1 + 0.045 * c_bar), delta_h / (1 + 0.015 * c_bar * t)
    return np.sqrt(lightness**2 + chroma**2 + hue**2 + r_t * chroma * hue)
