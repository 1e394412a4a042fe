"""Every subject of the vocabulary and the function that draws it."""

from collections.abc import Callable

import skia

from aiprod_core.errors import InputError
from aiprod_trainer.worlds.animals import draw_cat, draw_dog, draw_elephant, draw_rabbit
from aiprod_trainer.worlds.birds import draw_bird, draw_penguin
from aiprod_trainer.worlds.brush import Tones
from aiprod_trainer.worlds.fish import draw_fish
from aiprod_trainer.worlds.motion import Pose
from aiprod_trainer.worlds.objects import draw_ball, draw_balloon, draw_robot
from aiprod_trainer.worlds.people import draw_man, draw_woman
from aiprod_trainer.worlds.vehicles import draw_boat, draw_car, draw_rocket, draw_train

DRAWINGS: dict[str, Callable[[skia.Canvas, Tones, Pose], None]] = {
    "cat": draw_cat,
    "dog": draw_dog,
    "elephant": draw_elephant,
    "robot": draw_robot,
    "bird": draw_bird,
    "car": draw_car,
    "ball": draw_ball,
    "balloon": draw_balloon,
    "rabbit": draw_rabbit,
    "fish": draw_fish,
    "boat": draw_boat,
    "woman": draw_woman,
    "man": draw_man,
    "train": draw_train,
    "rocket": draw_rocket,
    "penguin": draw_penguin,
}


def draw_subject(canvas: skia.Canvas, name: str, tones: Tones, pose: Pose) -> None:
    """Draw a subject with its base point at the origin, 1 unit high (y negative is up), facing right.

    The caller has applied position, lift, size, facing, squash and rotation; limbs and details come from `pose`.
    Raises `InputError` for a subject without a drawing.
    """
    drawing = DRAWINGS.get(name)
    if drawing is None:
        raise InputError(f"subject: got {name!r}, expected one of {', '.join(DRAWINGS)}; add its drawing to DRAWINGS")
    drawing(canvas, tones, pose)
