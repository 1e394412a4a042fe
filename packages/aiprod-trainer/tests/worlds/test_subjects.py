"""Heroes: inside their box, in their colour, in step with the events of their motion."""

from dataclasses import replace

import numpy as np
import pytest
import skia
from numpy.typing import NDArray

from aiprod_core.errors import InputError
from aiprod_trainer.worlds.brush import Tones, tones
from aiprod_trainer.worlds.limbs import NOMINAL_SIZE, step
from aiprod_trainer.worlds.motion import CYCLE_S, Pose, events_of, pose_at
from aiprod_trainer.worlds.scene import Scene, sample_scene
from aiprod_trainer.worlds.subjects import DRAWINGS, draw_subject
from aiprod_trainer.worlds.vocabulary import COLOURS, SUBJECTS

Picture = NDArray[np.uint8]

UNIT_PX = 100
LEFT, TOP, WIDTH, HEIGHT = -1.25, -1.5, 2.5, 2.0
EVERY_ACTION = [(name, action) for name, subject in SUBJECTS.items() for action in subject.actions]
MOVING = [
    (name, action) for name, action in EVERY_ACTION if action in CYCLE_S and name not in ("ball", "balloon", "boat")
]
STRIDING = [(name, action) for name, action in EVERY_ACTION if action in ("walk", "run")]
CALLING = sorted(set(SUBJECTS) - {"ball", "balloon"})


def scene_of(subject: str, action: str) -> Scene:
    return replace(sample_scene(0), subject=subject, action=action, direction="right", size=NOMINAL_SIZE, offset=0.0)


def picture(subject: str, pose: Pose, colours: Tones) -> Picture:
    """The subject alone, RGBA `[h w 4]`, 100 px a unit, on a transparent ground."""
    pixels = np.zeros((round(HEIGHT * UNIT_PX), round(WIDTH * UNIT_PX), 4), np.uint8)
    surface = skia.Surface(pixels, colorType=skia.kRGBA_8888_ColorType)
    canvas = surface.getCanvas()
    canvas.scale(UNIT_PX, UNIT_PX)
    canvas.translate(-LEFT, -TOP)
    draw_subject(canvas, subject, colours, pose)
    assert canvas.getSaveCount() == 1, f"{subject}: save without restore"
    surface.flushAndSubmit()
    return pixels


def bounds(pixels: Picture) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of what is covered by half or more, in units."""
    rows, columns = np.nonzero(pixels[..., 3] >= 128)
    left, right = columns.min() / UNIT_PX + LEFT, (columns.max() + 1) / UNIT_PX + LEFT
    return left, rows.min() / UNIT_PX + TOP, right, (rows.max() + 1) / UNIT_PX + TOP


def rgb(colour: int) -> NDArray[np.int64]:
    return np.array([colour >> 16 & 255, colour >> 8 & 255, colour & 255])


def test_every_subject_of_the_vocabulary_has_a_drawing() -> None:
    assert set(DRAWINGS) == set(SUBJECTS)


@pytest.mark.parametrize(("subject", "action"), EVERY_ACTION)
def test_stays_within_its_box(subject: str, action: str) -> None:
    scene = scene_of(subject, action)
    boxes = np.array([bounds(picture(subject, pose_at(scene, n * 0.13), tones("red"))) for n in range(16)])
    assert boxes[:, 0].min() >= -0.85
    assert boxes[:, 2].max() <= 0.78
    assert boxes[:, 1].min() >= -1.25
    assert boxes[:, 3].max() <= 0.13
    assert np.max(boxes[:, 3] - boxes[:, 1]) >= 0.7, "a hero fills the height that the scene gives it"


@pytest.mark.parametrize("subject", SUBJECTS)
def test_at_rest_it_stands_on_the_ground_and_reaches_its_height(subject: str) -> None:
    pose = pose_at(scene_of(subject, SUBJECTS[subject].actions[0]), 0.0)
    left, top, right, bottom = bounds(picture(subject, pose, tones("red")))
    assert -0.14 <= bottom <= 0.05
    assert (-1.08 <= top <= -0.95) if subject != "car" else (-0.8 <= top <= -0.6)
    assert right - left <= (1.45 if SUBJECTS[subject].kind == "vehicle" else 1.32)


@pytest.mark.parametrize(("subject", "action"), MOVING)
def test_phases_of_a_moving_gait_differ(subject: str, action: str) -> None:
    pose = pose_at(scene_of(subject, action), 0.0)
    drawn = [
        picture(subject, replace(pose, phase=phase), tones("blue")).astype(int) for phase in (0.0, 0.25, 0.5, 0.75)
    ]
    covered = (drawn[0][..., 3] > 0).sum()
    changed = [(np.abs(drawn[n] - drawn[n - 2]).max(-1) > 40).sum() / covered for n in (2, 3)]
    assert max(changed) > 0.02, "half a cycle apart, some limb must be elsewhere"


@pytest.mark.parametrize(("subject", "action"), STRIDING)
def test_a_foot_is_on_the_ground_when_the_footfall_sounds(subject: str, action: str) -> None:
    scene = scene_of(subject, action)
    for event in events_of(scene):
        pose = pose_at(scene, event.time_s)
        lowest = bounds(picture(subject, pose, tones("red")))[3] - pose.lift / scene.size
        assert lowest == pytest.approx(0.0, abs=0.05), f"at {event.time_s} s"


@pytest.mark.parametrize("gait", ["walk", "run"])
def test_feet_land_a_quarter_and_three_quarters_into_the_cycle(gait: str) -> None:
    scene = scene_of("dog", gait)

    def foot(phase: float, turns: float) -> tuple[float, float]:
        pose = pose_at(scene, phase * CYCLE_S[gait])
        along, down = step(pose, turns, 0.1, 0.1)
        return along, down - pose.lift / scene.size

    for landing, turns in ((0.25, 0.0), (0.75, 0.5)):
        assert foot(landing - 0.1, turns)[1] < -0.03, "in the air before it lands"
        assert foot(landing, turns)[1] == pytest.approx(0.0, abs=1e-6)
        assert foot(landing + 0.1, turns)[1] == pytest.approx(0.0, abs=1e-6), "and then it stands"
        assert foot(landing, turns)[0] > foot(landing + 0.1, turns)[0], "while the body passes over it"


def test_the_wing_beats_down_through_phase_zero() -> None:
    pose = pose_at(scene_of("bird", "fly"), 0.0)
    tops = [bounds(picture("bird", replace(pose, phase=phase), tones("red")))[1] for phase in (0.75, 0.0)]
    bottoms = [bounds(picture("bird", replace(pose, phase=phase), tones("red")))[3] for phase in (0.0, 0.25)]
    assert tops[0] < tops[1] - 0.02
    assert bottoms[1] > bottoms[0] + 0.02


@pytest.mark.parametrize("vehicle", ["car", "train"])
def test_wheels_turn_with_the_way_travelled(vehicle: str) -> None:
    pose = pose_at(scene_of(vehicle, "drive"), 0.0)
    here, further = (picture(vehicle, replace(pose, x=x), tones("red")).astype(int) for x in (0.0, 0.03))
    changed_rows = np.nonzero((np.abs(here - further).max(-1) > 40).any(axis=1))[0] / UNIT_PX + TOP
    assert changed_rows.size > 5
    assert changed_rows.min() > -0.4, "only the wheels may change with the way"


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_asked_colour_dominates(subject: str, colour: str) -> None:
    action = SUBJECTS[subject].actions[0]
    pixels = picture(subject, pose_at(scene_of(subject, action), 0.3), tones(colour))
    solid = pixels[pixels[..., 3] == 255][:, :3].astype(int)
    asked = tones(colour)
    in_colour = sum((np.abs(solid - rgb(tone)).max(-1) < 12).mean() for tone in {asked.body, asked.dark, asked.light})
    assert in_colour > 0.6
    names = list(COLOURS)
    palette = np.stack([rgb(tones(name).body) for name in names])
    nearest = np.bincount(np.abs(solid[:, None] - palette).sum(-1).argmin(-1), minlength=len(names))
    assert names[int(nearest.argmax())] == colour


@pytest.mark.parametrize("tint", [(1.0, 1.0, 1.0), (1.0, 0.92, 0.88), (0.76, 0.82, 0.96)])
def test_colours_are_far_apart_in_every_light(tint: tuple[float, float, float]) -> None:
    bodies = [rgb(tones(name, tint).body) for name in COLOURS]
    apart = [np.abs(one - two).sum() for index, one in enumerate(bodies) for two in bodies[:index]]
    assert min(apart) > 80


def test_tint_multiplies_each_channel() -> None:
    plain, dim = rgb(tones("orange").body), rgb(tones("orange", (0.5, 1.0, 0.25)).body)
    np.testing.assert_allclose(dim, plain * [0.5, 1.0, 0.25], atol=0.5)


@pytest.mark.parametrize("subject", CALLING)
def test_a_call_is_seen(subject: str) -> None:
    pose = pose_at(scene_of(subject, SUBJECTS[subject].actions[0]), 0.0)
    shut, half, wide = (
        picture(subject, replace(pose, mouth=mouth), tones("green")).astype(int) for mouth in (0, 0.5, 1)
    )
    covered = (shut[..., 3] > 0).sum()
    changed_half, changed_wide = ((np.abs(shut - other).max(-1) > 40).sum() / covered for other in (half, wide))
    assert changed_wide > 0.004
    assert 0 < changed_half <= changed_wide


@pytest.mark.parametrize(("subject", "action"), EVERY_ACTION)
def test_same_pose_same_pixels(subject: str, action: str) -> None:
    pose = pose_at(scene_of(subject, action), 0.7)
    np.testing.assert_array_equal(picture(subject, pose, tones("pink")), picture(subject, pose, tones("pink")))


def test_unknown_names_are_clear_errors() -> None:
    pose = pose_at(scene_of("cat", "stand"), 0.0)
    with pytest.raises(InputError, match="subject: got 'unicorn', expected one of cat, dog"):
        draw_subject(skia.Surface(8, 8).getCanvas(), "unicorn", tones("red"), pose)
    with pytest.raises(InputError, match="colour: got 'mauve', expected one of red"):
        tones("mauve")
