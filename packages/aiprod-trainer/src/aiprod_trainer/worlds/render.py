"""Pictures: scene → frames, drawn with skia on a plain CPU.

The frame's height is the unit: x in [-aspect/2, aspect/2], y in [0, 1] downwards, subjects stand at `FLOOR`.
A frame depends on its scene, index and size alone.
"""

import functools
import math
from dataclasses import dataclass, replace

import numpy as np
import skia
from aiprod_core.errors import InputError
from numpy.typing import NDArray

from aiprod_trainer.worlds import weather
from aiprod_trainer.worlds.backdrop import draw_backdrop, look
from aiprod_trainer.worlds.brush import Tones, tones
from aiprod_trainer.worlds.camera import REST, view_at
from aiprod_trainer.worlds.motion import Pose, pose_at
from aiprod_trainer.worlds.palette import Light, light_of
from aiprod_trainer.worlds.scene import Scene
from aiprod_trainer.worlds.subjects import draw_subject
from aiprod_trainer.worlds.vocabulary import ACTIONS, SUBJECTS
from aiprod_trainer.worlds.weather import draw_soft_disc

FLOOR = 0.86
SHADOW_HALF_WIDTH = 0.42  # of the subject's height
SHADOW_FLATNESS = 0.16
SHADOW_FADES_AT = 0.5  # lift, in frame heights, at which no shadow is left
COMPANION_SIZE = 0.66  # of the hero's height
COMPANION_FLOOR = 0.80
COMPANION_GAP = 0.36
MIN_SIZE_PX = 16

Pixels = NDArray[np.uint8]


class Stage:
    """A canvas of one size whose pixels are a numpy array, reused frame after frame."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self.width_px, self.height_px = width_px, height_px
        self.rgba: Pixels = np.zeros((height_px, width_px, 4), np.uint8)
        self.surface = skia.Surface(self.rgba, colorType=skia.kRGBA_8888_ColorType)
        self.canvas = self.surface.getCanvas()

    def copy_rgb(self, out: Pixels) -> None:
        """Plane by plane: six times faster than one strided copy."""
        for channel in range(3):
            np.copyto(out[..., channel], self.rgba[..., channel])


@functools.lru_cache(maxsize=8)
def _stage(width_px: int, height_px: int) -> Stage:
    if min(width_px, height_px) < MIN_SIZE_PX:
        raise InputError(f"size: got {width_px}x{height_px}, expected at least {MIN_SIZE_PX} pixels a side; ask for more")
    return Stage(width_px, height_px)


def render_clip(scene: Scene, *, width: int = 128, height: int = 128) -> Pixels:
    """All frames, uint8 `[t h w c]`, RGB. Raises `InputError` for a size below 16 pixels."""
    stage = _stage(width, height)
    clip = np.empty((scene.num_frames, height, width, 3), np.uint8)
    for index in range(scene.num_frames):
        _draw(stage, scene, index / scene.frame_rate_hz)
        stage.copy_rgb(clip[index])
    return clip


def render_frame(scene: Scene, frame_index: int, *, width: int = 128, height: int = 128) -> Pixels:
    """One frame, uint8 `[h w c]`, RGB; the same pixels as `render_clip(scene)[frame_index]`."""
    stage = _stage(width, height)
    frame = np.empty((height, width, 3), np.uint8)
    _draw(stage, scene, _time_of(scene, frame_index))
    stage.copy_rgb(frame)
    return frame


def subject_mask(scene: Scene, frame_index: int, *, width: int = 128, height: int = 128) -> NDArray[np.float32]:
    """How much of each pixel the hero covers, `[h w]` in [0, 1]; weather in front of it is not counted."""
    stage = _stage(width, height)
    time_s = _time_of(scene, frame_index)
    stage.canvas.clear(skia.ColorTRANSPARENT)
    stage.canvas.save()
    look(stage.canvas, view_at(scene, time_s), width, height)
    _draw_body(stage.canvas, _hero_of(scene, time_s), tones(scene.colour, (1.0, 1.0, 1.0)))
    stage.canvas.restore()
    return stage.rgba[..., 3].astype(np.float32) / 255


def _time_of(scene: Scene, frame_index: int) -> float:
    if not 0 <= frame_index < scene.num_frames:
        raise InputError(f"frame: got {frame_index}, expected 0 to {scene.num_frames - 1}; the clip has no other frames")
    return frame_index / scene.frame_rate_hz


def _draw(stage: Stage, scene: Scene, time_s: float) -> None:
    canvas, width, height = stage.canvas, stage.width_px, stage.height_px
    aspect = width / height
    light = _light(scene.setting, scene.time, scene.weather)
    view = view_at(scene, time_s)
    draw_backdrop(canvas, scene, view, width, height)
    canvas.save()
    look(canvas, REST, width, height)
    weather.draw_behind(canvas, light, scene.weather, time_s, aspect)
    canvas.restore()
    canvas.save()
    look(canvas, view, width, height)
    if scene.companion is not None:
        _draw_actor(canvas, _companion_of(scene, time_s), light)
    _draw_actor(canvas, _hero_of(scene, time_s), light)
    canvas.restore()
    canvas.save()
    look(canvas, REST, width, height)
    weather.draw_before(canvas, light, scene.weather, time_s, aspect)
    canvas.restore()


@dataclass(frozen=True)
class Actor:
    """A subject where it stands: `floor` is the height of its base line in the frame, `size` its own height."""

    subject: str
    colour: str
    pose: Pose
    floor: float
    size: float


def _hero_of(scene: Scene, time_s: float) -> Actor:
    return Actor(scene.subject, scene.colour, pose_at(scene, time_s), FLOOR, scene.size)


def _companion_of(scene: Scene, time_s: float) -> Actor:
    """Smaller than the hero and further off: at its side, or on its heels when both travel."""
    assert scene.companion is not None
    other, hero = scene.companion, pose_at(scene, time_s)
    able = SUBJECTS[other.subject].actions
    if scene.action in able:
        action = scene.action
    else:
        travels = ACTIONS[scene.action].travels
        action = next((name for name in able if ACTIONS[name].travels == travels), able[0])
    size = COMPANION_SIZE * scene.size
    pose = pose_at(replace(scene, subject=other.subject, action=action, size=size), time_s)
    side = -hero.facing if other.relation == "behind" else hero.facing
    return Actor(other.subject, other.colour, replace(pose, x=hero.x + side * COMPANION_GAP), COMPANION_FLOOR, size)


def _draw_actor(canvas: skia.Canvas, actor: Actor, light: Light) -> None:
    pose = actor.pose
    near = max(0.0, 1.0 - pose.lift / SHADOW_FADES_AT)
    across = SHADOW_HALF_WIDTH * actor.size * (0.6 + 0.4 * near)
    draw_soft_disc(canvas, pose.x, actor.floor, across, SHADOW_FLATNESS * across, _shadow(light.shadow * near))
    _draw_body(canvas, actor, tones(actor.colour, light.subject_tint))


def _draw_body(canvas: skia.Canvas, actor: Actor, colours: Tones) -> None:
    """Squash keeps the area and the base; the turn is about the middle of the body, in the sense of the frame."""
    pose, size = actor.pose, actor.size
    canvas.save()
    canvas.translate(pose.x, actor.floor - pose.lift)
    canvas.scale(size / pose.squash, size * pose.squash)
    canvas.translate(0.0, -0.5)
    canvas.rotate(math.degrees(pose.angle))
    canvas.scale(pose.facing, 1.0)
    canvas.translate(0.0, 0.5)
    draw_subject(canvas, actor.subject, colours, pose)
    canvas.restore()


_light = functools.lru_cache(maxsize=256)(light_of)


@functools.lru_cache(maxsize=256)
def _shadow(strength: float) -> skia.Paint:
    """A disc of radius 1, dark within and soft at the rim."""
    stops = [skia.Color4f(0.05, 0.06, 0.16, strength * share).toColor() for share in (1.0, 0.9, 0.0)]
    return skia.Paint(Shader=skia.GradientShader.MakeRadial(skia.Point(0, 0), 1.0, stops, [0.0, 0.5, 1.0]), AntiAlias=True)
