"""Built places: city, farm and village, each in a far, a middle and a ground layer."""

from aiprod_trainer.worlds.landscapes import meadow_far, patches, round_tree
from aiprod_trainer.worlds.palette import Rgb, mix, rgb
from aiprod_trainer.worlds.pencil import Pencil

_LAMPLIGHT = rgb("ffd873")
_DAYLIGHT = rgb("d9eef8")


def window(pencil: Pencil, left: float, top: float, width: float, height: float) -> None:
    """A pane that mirrors the sky by day and is lit at dusk and at night."""
    light = pencil.light
    lit = light.is_night or light.is_dusk
    pencil.box(left, top, left + width, top + height, _LAMPLIGHT if lit else _DAYLIGHT, 0.006, glows=lit)


def city_far(pencil: Pencil) -> None:
    towers = ((-0.50, 0.34, 0.20), (-0.28, 0.22, 0.15), (-0.11, 0.38, 0.22), (0.13, 0.27, 0.14), (0.29, 0.42, 0.19))
    for start in pencil.places(1.0):
        for left, top, width in towers:
            pencil.box(start + left, top, start + left + width, 0.9, rgb("a8bfd6"))
    pencil.band(0.56, 0.9, rgb("a8bfd6"))


def city_middle(pencil: Pencil) -> None:
    houses = (
        (-0.56, 0.22, 0.30, rgb("c9705a")),
        (-0.24, 0.44, 0.22, rgb("e3c391")),
        (0.00, 0.47, 0.20, rgb("6f9aa8")),
        (0.22, 0.34, 0.30, rgb("8d84b8")),
        (0.54, 0.42, 0.24, rgb("d99a6c")),
        (0.80, 0.30, 0.24, rgb("7fa387")),
    )
    for start in pencil.places(1.5):
        for left, top, width, colour in houses:
            tower(pencil, start + left, 0.72 - (0.72 - top) * pencil.growth, width, colour)
    pencil.band(0.70, 1.2, rgb("b9bcc4"))


def tower(pencil: Pencil, left: float, top: float, width: float, colour: Rgb) -> None:
    """A house block with two columns of large windows."""
    pencil.box(left, top, left + width, 0.72, colour)
    cornice = pencil.snowed(mix(colour, rgb("3a3350"), 0.3))
    pencil.box(left - 0.008, top - 0.012, left + width + 0.008, top + 0.02, cornice)
    pane, gap = 0.26 * width, 0.16 * width
    y = top + 0.055
    while y + 0.075 < 0.70:
        for column in (0, 1):
            window(pencil, left + gap + column * (pane + gap), y, pane, 0.07)
        y += 0.12


def city_ground(pencil: Pencil) -> None:
    pencil.band(0.705, 0.745, pencil.snowed(rgb("c9cbd2")))
    pencil.band(0.745, 1.8, pencil.snowed(rgb("6a6f7f"), 0.6))
    for start in pencil.places(0.5):
        pencil.box(start - 0.11, 0.925, start + 0.11, 0.95, rgb("f1ecd9"), 0.008)


def farm_middle(pencil: Pencil) -> None:
    pencil.ridge(0.62, 0.012, 1.1, 0.3, pencil.snowed(rgb("d9c765"), 0.85))
    for start in pencil.places(1.4):
        barn(pencil, start - 0.31, 0.70, 0.34 * pencil.growth)
        round_tree(pencil, start + 0.44, 0.68, 0.11 * pencil.growth)


def barn(pencil: Pencil, x: float, y: float, size: float) -> None:
    """A red barn of width `size` with a white-framed gate; the base is at `y`."""
    red, white, half = rgb("c6403a"), rgb("f7efe2"), size / 2
    wall, eave, top = y - 0.58 * size, y - 0.80 * size, y - 1.02 * size
    outline = (
        (x - half, y),
        (x - half, wall),
        (x - 0.6 * half, eave),
        (x, top),
        (x + 0.6 * half, eave),
        (x + half, wall),
        (x + half, y),
    )
    pencil.polygon(outline, red)
    roof = pencil.snowed(rgb("6d4a4a"))
    for side in (-1, 1):
        pencil.stroke(((x + side * 1.08 * half, wall + 0.03 * size), (x + side * 0.6 * half, eave)), 0.07 * size, roof)
        pencil.stroke(((x + side * 0.6 * half, eave), (x, top)), 0.07 * size, roof)
    left, right, gate = x - 0.44 * half, x + 0.44 * half, y - 0.44 * size
    pencil.box(left, gate, right, y, white)
    pencil.box(left + 0.04 * size, gate + 0.04 * size, right - 0.04 * size, y, mix(red, rgb("401820"), 0.35))
    for first, second in ((left, right), (right, left)):
        pencil.stroke(((first, gate), (second, y)), 0.04 * size, white)


def farm_ground(pencil: Pencil) -> None:
    pencil.ridge(0.715, 0.008, 1.1, 0.1, pencil.snowed(rgb("a3cf66")))
    patches(pencil, pencil.snowed(rgb("92bf57")))
    fence = rgb("fbf6ea")
    for y in (0.655, 0.70):
        pencil.box(-pencil.reach, y, pencil.reach, y + 0.018, fence)
    for start in pencil.places(0.24):
        pencil.box(start - 0.014, 0.63, start + 0.014, 0.75, fence, 0.008)


def village_far(pencil: Pencil) -> None:
    meadow_far(pencil)
    for start in pencil.places(1.6):
        x, grey, slate = start + 0.06, rgb("d8cfc4"), rgb("7c6f86")
        pencil.box(x - 0.05, 0.36, x + 0.05, 0.7, grey)
        pencil.polygon(((x - 0.065, 0.36), (x, 0.14), (x + 0.065, 0.36)), pencil.snowed(slate))


def village_middle(pencil: Pencil) -> None:
    houses = (
        (-0.36, 0.30, 0.26, rgb("f3dfb8"), rgb("b4523f")),
        (-0.06, 0.22, 0.18, rgb("d9e3da"), rgb("8a5344")),
        (0.38, 0.28, 0.23, rgb("f0b99a"), rgb("7d4a52")),
        (0.70, 0.28, 0.20, rgb("e9d08f"), rgb("a84f40")),
    )
    for start in pencil.places(1.36):
        for x, width, tall, wall, roof in houses:
            gable(pencil, start + x, width, tall * pencil.growth, wall, roof)
    pencil.band(0.705, 1.2, pencil.snowed(rgb("9bb873")))


def gable(pencil: Pencil, x: float, width: float, tall: float, wall: Rgb, roof: Rgb) -> None:
    """A house with a steep roof, a door and one or two windows; walls are `tall`."""
    base, half = 0.72, width / 2
    eave, ridge = base - tall, base - tall - 0.62 * width
    pencil.box(x - half, eave, x + half, base, wall)
    pencil.polygon(
        ((x - 1.18 * half, eave + 0.01), (x, ridge), (x + 1.18 * half, eave + 0.01)), pencil.snowed(roof, 0.9)
    )
    window(pencil, x - 0.62 * half, eave + 0.045, 0.42 * half, 0.065)
    window(pencil, x + 0.20 * half, eave + 0.045, 0.42 * half, 0.065)
    pencil.box(x - 0.2 * half, base - 0.1, x + 0.2 * half, base, mix(roof, rgb("402020"), 0.4), 0.008)


def village_ground(pencil: Pencil) -> None:
    pencil.ridge(0.722, 0.008, 1.0, 0.2, pencil.snowed(rgb("d9c6a5")))
    patches(pencil, pencil.snowed(rgb("c8b28e")))
