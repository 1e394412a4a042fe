"""Actors: subjects placed on the stage, with their pose, size and shadow.

Lengths are in frame heights, y grows downwards, the origin is the middle of the frame's upper edge.
"""

import functools
import math
from dataclasses import dataclass, replace

import skia

from aiprod_trainer.worlds.brush import Tones, tones
from aiprod_trainer.worlds.motion import Pose, pose_at
from aiprod_trainer.worlds.palette import Light
from aiprod_trainer.worlds.scene import Companion, Scene
from aiprod_trainer.worlds.subjects import draw_subject
from aiprod_trainer.worlds.vocabulary import ACTIONS, SUBJECTS
from aiprod_trainer.worlds.weather import draw_soft_disc

FLOOR = 0.86
COMPANION_SIZE = 0.66  # of the hero's height
COMPANION_FLOOR = 0.80  # further off, so higher in the frame
COMPANION_GAP = 0.36
COMPANION_ROOM = 0.11  # how far the hero makes way, so that both are in the frame
SHADOW_HALF_WIDTH = 0.42  # of the subject's height
SHADOW_FLATNESS = 0.16
SHADOW_FADES_AT = 0.5  # lift at which no shadow is left
SHADOW_STEPS = 64  # strengths told apart, so that paints can be kept


@dataclass(frozen=True)
class Actor:
    """A subject where it stands: `floor` is its base line when at rest, `size` its height."""

    subject: str
    colour: str
    pose: Pose
    floor: float
    size: float


def actors_of(scene: Scene, time_s: float) -> tuple[Actor, ...]:
    """Everybody in the scene, the furthest first; the hero is the last.

    The caption says the relation of the hero: "behind" is a hero that follows, with its companion ahead.
    """
    hero = Actor(scene.subject, scene.colour, pose_at(scene, time_s), FLOOR, scene.size)
    if scene.companion is None:
        return (hero,)
    side = hero.pose.facing if scene.companion.relation == "behind" else -hero.pose.facing
    aside = replace(hero, pose=replace(hero.pose, x=hero.pose.x - side * COMPANION_ROOM))
    return (_companion_at(aside.pose.x + side * COMPANION_GAP, scene, scene.companion, time_s), aside)


def _companion_at(x: float, scene: Scene, companion: Companion, time_s: float) -> Actor:
    """Smaller than the hero and further off."""
    size = COMPANION_SIZE * scene.size
    action = _action_with(scene.action, companion.subject)
    pose = pose_at(replace(scene, subject=companion.subject, action=action, size=size), time_s)
    return Actor(companion.subject, companion.colour, replace(pose, x=x), COMPANION_FLOOR, size)


def _action_with(action: str, subject: str) -> str:
    """What `subject` does to keep up with `action`: the same if it can, else what travels or rests alike."""
    able = SUBJECTS[subject].actions
    if action in able:
        return action
    return next((name for name in able if ACTIONS[name].travels == ACTIONS[action].travels), able[0])


def draw_actor(canvas: skia.Canvas, actor: Actor, light: Light) -> None:
    """The shadow on the ground, smaller and fainter the higher the subject is, and the subject."""
    near = max(0.0, 1.0 - actor.pose.lift / SHADOW_FADES_AT)
    across = SHADOW_HALF_WIDTH * actor.size * (0.6 + 0.4 * near)
    shadow = _shadow(round(light.shadow * near * SHADOW_STEPS))
    draw_soft_disc(canvas, actor.pose.x, actor.floor, across, SHADOW_FLATNESS * across, shadow)
    draw_body(canvas, actor, tones(actor.colour, light.subject_tint))


def draw_body(canvas: skia.Canvas, actor: Actor, colours: Tones) -> None:
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


@functools.lru_cache(maxsize=SHADOW_STEPS + 1)
def _shadow(strength_step: int) -> skia.Paint:
    """A disc of radius 1, dark within and soft at the rim."""
    strength = strength_step / SHADOW_STEPS
    stops = [skia.Color4f(0.05, 0.06, 0.16, strength * share).toColor() for share in (1.0, 0.9, 0.0)]
    shader = skia.GradientShader.MakeRadial(skia.Point(0, 0), 1.0, stops, [0.0, 0.5, 1.0])
    return skia.Paint(Shader=shader, AntiAlias=True)
