"""Open country: meadow, forest, beach, desert, mountains, lake and moon, each in a far, a middle and a ground layer.

Big clean shapes, few details. Items of a layer are placed by hand around the middle of the frame and repeat
beyond it; the middle itself stays quiet, because the hero stands there.
"""

from aiprod_trainer.worlds.palette import WHITE, Rgb, mix, rgb
from aiprod_trainer.worlds.pencil import Pencil
from aiprod_trainer.worlds.skies import HORIZON


def patches(pencil: Pencil, colour: Rgb, strength: float = 1.0) -> None:
    """Broad flat spots on the ground: little to draw, enough to see the ground slide by."""
    for start in pencil.places(1.1):
        for x, y, across in ((-0.38, 0.79, 0.15), (0.10, 0.95, 0.20), (0.42, 0.82, 0.13)):
            pencil.oval(start + x, y, across, 0.022, colour, strength)


def meadow_far(pencil: Pencil) -> None:
    pencil.ridge(0.53, 0.05, 1.15, 0.10, pencil.snowed(rgb("9bd07f"), 0.7))


def meadow_middle(pencil: Pencil) -> None:
    hill = (0.615, 0.035, 0.95, 0.42)
    for start in pencil.places(1.3):
        for x, size in ((-0.37, 0.155), (0.40, 0.115), (0.72, 0.14)):
            x_tree = start + x
            round_tree(pencil, x_tree, pencil.ridge_y(x_tree, *hill) + 0.015, size * pencil.growth)
    pencil.ridge(*hill, pencil.snowed(rgb("7cbf59"), 0.85))


def meadow_ground(pencil: Pencil) -> None:
    pencil.ridge(0.70, 0.012, 1.1, 0.0, pencil.snowed(rgb("8ecf5f")))
    patches(pencil, pencil.snowed(rgb("7cc052")))


def round_tree(pencil: Pencil, x: float, y: float, size: float) -> None:
    """A crown of radius `size` on a trunk; the base is at `y`."""
    pencil.box(x - 0.16 * size, y - 1.2 * size, x + 0.16 * size, y, rgb("8a5a3b"))
    pencil.disc(x, y - 1.75 * size, size, pencil.snowed(rgb("3f9150"), 0.6))
    pencil.disc(x - 0.22 * size, y - 1.95 * size, 0.62 * size, pencil.snowed(rgb("57aa5c"), 0.9))


def conifer(pencil: Pencil, x: float, y: float, tall: float, colour: Rgb) -> None:
    """A fir of three tiers, `tall` from base to tip."""
    half = 0.23 * tall
    pencil.box(x - 0.04 * tall, y - 0.16 * tall, x + 0.04 * tall, y, rgb("6b4630"))
    for low, high, width in ((0.12, 0.60, 1.0), (0.36, 0.80, 0.78), (0.60, 1.0, 0.55)):
        lighter = mix(colour, rgb("8fce9a"), 0.16 * low)
        tier = ((x - width * half, y - low * tall), (x, y - high * tall), (x + width * half, y - low * tall))
        pencil.polygon(tier, pencil.snowed(lighter, 0.25 + 0.5 * low))


def forest_far(pencil: Pencil) -> None:
    for start in pencil.places(0.56):
        for x, tall in ((0.0, 0.34), (0.14, 0.42), (0.29, 0.36), (0.43, 0.46)):
            conifer(pencil, start + x, 0.70, tall, rgb("3f8a6c"))
    pencil.band(0.63, 0.9, rgb("3f8a6c"))


def forest_middle(pencil: Pencil) -> None:
    for start in pencil.places(1.24):
        for x, tall in ((-0.27, 0.44), (0.23, 0.36), (0.62, 0.50), (-0.45, 0.66), (0.45, 0.48)):
            conifer(pencil, start + x, 0.735, tall * pencil.growth, rgb("175240"))
    pencil.ridge(0.685, 0.012, 0.5, 0.0, pencil.snowed(rgb("3d7a52"), 0.8))


def forest_ground(pencil: Pencil) -> None:
    pencil.ridge(0.71, 0.010, 0.9, 0.1, pencil.snowed(rgb("5f8f4e")))
    patches(pencil, pencil.snowed(rgb("527f45")))


def beach_far(pencil: Pencil) -> None:
    pencil.band(HORIZON - 0.04, 1.2, rgb("2f9fc8"))
    pencil.band(HORIZON + 0.03, 1.2, rgb("45b5d3"))


def beach_middle(pencil: Pencil) -> None:
    for start in pencil.places(0.9):
        for x, y, across in ((-0.30, 0.615, 0.13), (0.22, 0.655, 0.15)):
            pencil.oval(start + x, y, across, 0.008, rgb("a9e2ec"), 0.8)


def beach_ground(pencil: Pencil) -> None:
    pencil.ridge(0.692, 0.010, 1.1, 0.35, mix(rgb("d8f3f2"), WHITE, 0.3))
    pencil.ridge(0.715, 0.010, 1.1, 0.35, pencil.snowed(rgb("f2dba2"), 0.9))
    patches(pencil, pencil.snowed(rgb("e6ca8c"), 0.9))
    for start in pencil.places(1.5):
        palm(pencil, start - 0.42, 0.77, 0.56 * pencil.growth)


def palm(pencil: Pencil, x: float, y: float, tall: float) -> None:
    top_x, top_y = x + 0.10 * tall, y - tall
    pencil.stroke(((x, y), (x - 0.06 * tall, y - 0.5 * tall), (top_x, top_y)), 0.075 * tall, rgb("a9744a"))
    for dx, dy, lift in ((-0.46, 0.16, 0.24), (0.46, 0.16, 0.24), (-0.34, -0.10, 0.22), (0.36, -0.10, 0.22)):
        tip = (top_x + dx * tall, top_y + dy * tall)
        bend = (top_x + 0.5 * dx * tall, top_y + (dy - lift) * tall)
        pencil.stroke(((top_x, top_y), bend, tip), 0.10 * tall, rgb("3fa05a"))


def desert_far(pencil: Pencil) -> None:
    for start in pencil.places(1.25):
        mesa(pencil, start - 0.16, 0.36, 0.22)
        mesa(pencil, start + 0.36, 0.26, 0.14)
    pencil.ridge(0.615, 0.012, 1.0, 0.0, rgb("e7a565"))


def mesa(pencil: Pencil, x: float, across: float, tall: float) -> None:
    base, half = 0.64, across / 2
    outline = ((x - half, base), (x - 0.68 * half, base - tall), (x + 0.68 * half, base - tall), (x + half, base))
    pencil.polygon(outline, rgb("cf7a4c"))


def desert_middle(pencil: Pencil) -> None:
    pencil.ridge(0.665, 0.03, 1.2, 0.42, rgb("f0b569"))
    for start in pencil.places(1.4):
        cactus(pencil, start - 0.39, 0.745, 0.32 * pencil.growth)
        cactus(pencil, start + 0.43, 0.72, 0.20 * pencil.growth)


def cactus(pencil: Pencil, x: float, y: float, tall: float) -> None:
    green, width = rgb("3f9360"), 0.20 * tall
    pencil.stroke(((x, y), (x, y - 0.9 * tall)), width, green)
    for side, low, high in ((-1, 0.35, 0.70), (1, 0.48, 0.82)):
        elbow = (x + side * 0.36 * tall, y - low * tall)
        pencil.stroke(((x, y - low * tall), elbow), 0.75 * width, green)
        pencil.stroke((elbow, (elbow[0], y - high * tall)), 0.75 * width, green)


def desert_ground(pencil: Pencil) -> None:
    pencil.ridge(0.715, 0.016, 1.1, 0.55, rgb("f7c77e"))
    patches(pencil, rgb("ebb468"))


def mountains_far(pencil: Pencil) -> None:
    for start in pencil.places(1.5):
        for x, tall, across in ((0.12, 0.27, 0.52), (0.74, 0.32, 0.62), (-0.36, 0.40, 0.70), (0.44, 0.26, 0.46)):
            peak(pencil, start + x, tall * pencil.growth, across)


def peak(pencil: Pencil, x: float, tall: float, across: float) -> None:
    """A mountain with a white cap; the right side lies in shade."""
    base, half = 0.66, across / 2
    top = base - tall
    pencil.polygon(((x - half, base), (x, top), (x + half, base)), rgb("7389ad"))
    pencil.polygon(((x, top), (x + half, base), (x + 0.15 * half, base)), rgb("5f7499"))
    share = 0.42
    edge, y = share * half, top + share * tall
    cap = (
        (x, top),
        (x + edge, y),
        (x + 0.4 * edge, y - 0.05 * tall),
        (x, y + 0.04 * tall),
        (x - 0.45 * edge, y - 0.05 * tall),
        (x - edge, y),
    )
    pencil.polygon(cap, rgb("fbfdff"))


def mountains_middle(pencil: Pencil) -> None:
    for start in pencil.places(1.3):
        for x, tall in ((-0.46, 0.27), (-0.33, 0.19), (0.42, 0.21), (0.66, 0.25)):
            conifer(pencil, start + x, 0.70, tall * pencil.growth, rgb("3d7a72"))
    pencil.ridge(0.655, 0.025, 1.0, 0.30, rgb("cfdff0"))


def mountains_ground(pencil: Pencil) -> None:
    pencil.ridge(0.715, 0.014, 1.2, 0.65, rgb("e9f1fa"))
    patches(pencil, rgb("d3e1f1"))


def lake_far(pencil: Pencil) -> None:
    pencil.ridge(0.50, 0.05, 1.2, 0.05, pencil.snowed(rgb("6fae9a"), 0.7))


def lake_middle(pencil: Pencil) -> None:
    shore = (0.575, 0.006, 0.8, 0.0)
    for start in pencil.places(1.2):
        for x, size in ((-0.44, 0.085), (-0.30, 0.065), (0.40, 0.07), (0.60, 0.08)):
            round_tree(pencil, start + x, 0.585, size * pencil.growth)
    pencil.ridge(*shore, pencil.snowed(rgb("5f9f5a")))
    pencil.band(HORIZON, 1.2, rgb("3f8fc4"))


def lake_ground(pencil: Pencil) -> None:
    pencil.band(0.72, 1.8, rgb("3784bd"))
    for start in pencil.places(1.1):
        for x, y, across in ((-0.36, 0.70, 0.14), (0.30, 0.76, 0.17), (-0.20, 0.92, 0.22), (0.48, 0.95, 0.16)):
            pencil.oval(start + x, y, across, 0.013, rgb("7fc0e4"), 0.75)


def moon_far(pencil: Pencil) -> None:
    pencil.ridge(0.60, 0.05, 1.3, 0.12, rgb("82869a"))


def moon_middle(pencil: Pencil) -> None:
    pencil.ridge(0.665, 0.03, 1.0, 0.55, rgb("a2a6b6"))


def moon_ground(pencil: Pencil) -> None:
    pencil.ridge(0.715, 0.010, 1.2, 0.2, rgb("c3c6d1"))
    for start in pencil.places(1.2):
        for x, y, across in ((-0.36, 0.79, 0.14), (0.40, 0.77, 0.10), (0.16, 0.945, 0.19)):
            pencil.oval(start + x, y, across, 0.26 * across, rgb("9ca0b0"))
            pencil.oval(start + x, y + 0.06 * across, 0.86 * across, 0.18 * across, rgb("adb1c0"))
