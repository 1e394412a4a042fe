"""The sky: gradient, sun or moon, clouds, a few soft stars, and the earth as seen from the moon."""

import skia

from aiprod_trainer.worlds.palette import Light, Rgb, mix, rgb
from aiprod_trainer.worlds.pencil import BOTTOM, Pencil, paint_of

ORB_X = 0.30
HIGH_Y, LOW_Y = 0.17, 0.36  # the setting sun stands low
HORIZON = 0.60
SKY_TOP = -0.8  # painted above the frame too, for a camera that tilts up

_STARS = ((-0.42, 0.10), (-0.24, 0.27), (-0.10, 0.08), (0.10, 0.20), (0.46, 0.40), (-0.66, 0.18), (0.68, 0.14))
_CLOUDS = ((-0.30, 0.16, 0.13), (0.10, 0.27, 0.085), (0.62, 0.24, 0.11), (-0.78, 0.26, 0.12))
_RAIN_CLOUDS = ((-0.40, 0.05, 0.20), (0.02, 0.10, 0.19), (0.42, 0.05, 0.20), (0.82, 0.10, 0.19), (-0.82, 0.10, 0.19))


def gradient(canvas: skia.Canvas, light: Light, reach: float) -> None:
    """Top to horizon; what lies above and below keeps the end colours."""
    colours = [skia.Color4f(*colour, 1.0).toColor() for colour in light.sky]
    shader = skia.GradientShader.MakeLinear(
        [skia.Point(0, -0.05), skia.Point(0, HORIZON + 0.04)], colours, [0.0, 0.55, 1.0]
    )
    canvas.drawRect(skia.Rect.MakeLTRB(-reach, SKY_TOP, reach, BOTTOM), skia.Paint(Shader=shader))


def sky(pencil: Pencil) -> None:
    """The sky of the earth."""
    light = pencil.light
    gradient(pencil.canvas, light, pencil.reach)
    if light.is_night and light.orb_strength == 1.0:
        stars(pencil)
    if light.orb_strength > 0.0:
        orb = moon if light.is_night else sun
        orb(pencil)
    if light.cloud_strength > 0.0:
        overcast = light.orb_strength == 0.0
        for x, y, size in _RAIN_CLOUDS if overcast else _CLOUDS:
            cloud(pencil, x + pencil.shift, y, size)


def space(pencil: Pencil) -> None:
    """The black sky over the moon, with the earth in it."""
    gradient(pencil.canvas, pencil.light, pencil.reach)
    stars(pencil)
    if not pencil.light.is_night:
        sun(pencil)
    earth(pencil, -0.28 + pencil.shift, 0.20, 0.12)


def glow(pencil: Pencil, x: float, y: float, radius: float, colour: Rgb, strength: float) -> None:
    """Light that fades outwards from a disc."""
    shader = skia.GradientShader.MakeRadial(
        skia.Point(x, y), radius, [skia.Color4f(*colour, strength).toColor(), skia.Color4f(*colour, 0.0).toColor()]
    )
    pencil.canvas.drawCircle(x, y, radius, skia.Paint(Shader=shader, AntiAlias=True))


def sun(pencil: Pencil) -> None:
    light, x = pencil.light, ORB_X + pencil.shift
    y, radius = (LOW_Y, 0.125) if light.is_dusk else (HIGH_Y, 0.085)
    glow(pencil, x, y, radius * 2.6, light.orb, 0.55 * light.orb_strength)
    pencil.canvas.drawCircle(x, y, radius, paint_of(light.orb, light.orb_strength))


def moon(pencil: Pencil) -> None:
    light, x, y, radius = pencil.light, ORB_X + pencil.shift, HIGH_Y, 0.10
    glow(pencil, x, y, radius * 2.4, light.orb, 0.35 * light.orb_strength)
    pencil.canvas.drawCircle(x, y, radius, paint_of(light.orb, light.orb_strength))
    spot = mix(light.orb, light.sky[1], 0.18)
    for dx, dy, size in ((-0.035, -0.025, 0.024), (0.03, 0.03, 0.03)):
        pencil.canvas.drawCircle(x + dx, y + dy, size, paint_of(spot, light.orb_strength))


def stars(pencil: Pencil) -> None:
    for x, y in _STARS:
        pencil.canvas.drawCircle(x + pencil.shift, y, 0.011, paint_of(rgb("dfe8ff"), 0.85))


def cloud(pencil: Pencil, x: float, y: float, size: float) -> None:
    """A flat-bottomed cloud of half width `size`."""
    light = pencil.light
    paint = paint_of(light.cloud, light.cloud_strength)
    outline = skia.Path()
    outline.addRoundRect(skia.Rect.MakeLTRB(x - size, y - 0.02, x + size, y + 0.36 * size), 0.18 * size, 0.18 * size)
    for dx, dy, radius in ((-0.45, -0.02, 0.36), (0.08, -0.22, 0.5), (0.58, 0.02, 0.32)):
        bump = skia.Path()
        bump.addCircle(x + dx * size, y + dy * size, radius * size)
        outline = skia.Op(outline, bump, skia.PathOp.kUnion_PathOp)
    pencil.canvas.drawPath(outline, paint)


def earth(pencil: Pencil, x: float, y: float, radius: float) -> None:
    canvas = pencil.canvas
    glow(pencil, x, y, radius * 1.7, rgb("6db8ff"), 0.45)
    canvas.drawCircle(x, y, radius, paint_of(rgb("3f8fe0")))
    canvas.save()
    globe = skia.Path()
    globe.addCircle(x, y, radius)
    canvas.clipPath(globe, True)
    for dx, dy, across, down in ((-0.5, -0.35, 0.55, 0.4), (0.45, 0.25, 0.4, 0.55), (-0.3, 0.75, 0.4, 0.25)):
        left, top = x + (dx - across) * radius, y + (dy - down) * radius
        box = skia.Rect.MakeXYWH(left, top, 2 * across * radius, 2 * down * radius)
        canvas.drawOval(box, paint_of(rgb("6cc06b")))
    canvas.restore()
