from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from aiprod_core.camera import REST, ZOOM
from aiprod_trainer.worlds.camera import view_at
from aiprod_trainer.worlds.render import render_clip, subject_mask
from aiprod_trainer.worlds.scene import Scene, sample_scene
from aiprod_trainer.worlds.vocabulary import CAMERAS

LAST = 24


def scene_with(**changes: Any) -> Scene:
    plain = {
        "subject": "dog",
        "action": "stand",
        "direction": "right",
        "setting": "city",
        "time": "day",
        "weather": "clear",
        "size": 0.48,
        "offset": 0.03,
    }
    return replace(sample_scene(0), **(plain | changes))


def views(scene: Scene) -> np.ndarray:
    times_s = np.arange(scene.num_frames) / scene.frame_rate_hz
    return np.array([(view.x, view.y, view.zoom) for view in (view_at(scene, t) for t in times_s)])


def middle_px(scene: Scene, frame_index: int) -> np.ndarray:
    mask = subject_mask(scene, frame_index)
    return np.array([np.average(np.arange(128), weights=mask.sum(axis=axis)) for axis in (0, 1)])


def height_px(scene: Scene, frame_index: int) -> int:
    return int((subject_mask(scene, frame_index).max(axis=1) > 0.5).sum())


def slide_px(before: np.ndarray, after: np.ndarray, rows: slice) -> int:
    """By how much a strip moved to the right, found by trying."""
    strips = [frame[rows].astype(float) for frame in (before, after)]
    errors = {}
    for shift in range(-40, 41):
        kept = [strips[0][:, max(0, -shift) : 128 - max(0, shift)], strips[1][:, max(0, shift) : 128 - max(0, -shift)]]
        errors[shift] = np.abs(kept[0] - kept[1]).mean()
    return min(errors, key=lambda shift: errors[shift])


def test_locked_off_camera_rests() -> None:
    assert view_at(scene_with(camera="static"), 1.3) == REST


def test_pans_slide_evenly_and_mirror_each_other() -> None:
    left, right = (views(scene_with(camera=camera))[:, 0] for camera in ("pan-left", "pan-right"))
    assert np.diff(right) * 10 == pytest.approx(np.full(LAST, 0.12))
    assert left == pytest.approx(-right)
    assert right.mean() == pytest.approx(0.0)


def test_pan_moves_the_ground_more_than_the_houses_and_not_the_sky() -> None:
    for camera, side in (("pan-left", 1), ("pan-right", -1)):
        clip = render_clip(scene_with(camera=camera, offset=9.0))
        ground, houses, sky = (
            slide_px(clip[0], clip[LAST], rows) for rows in (slice(112, 127), slice(60, 85), slice(0, 24))
        )
        expected_px = 0.12 * 2.4 * 128
        assert side * ground == pytest.approx(expected_px, abs=1.5)
        assert side * houses == pytest.approx(expected_px / 2, abs=1.5)
        assert sky == 0


def test_pan_against_a_traveller_is_slower() -> None:
    driving = scene_with(subject="car", action="drive", camera="pan-left")
    along = replace(driving, camera="pan-right")
    against = replace(along, direction="left")
    assert 0 < -np.diff(views(driving)[:, 0]).mean() < np.diff(views(along)[:, 0]).mean()
    assert np.diff(views(against)[:, 0]) == pytest.approx(-np.diff(views(driving)[:, 0]))


def test_zoom_magnifies_the_hero_where_it_is() -> None:
    for action in ("stand", "walk"):
        zoom_in, static = (scene_with(camera=camera, action=action) for camera in ("zoom-in", "static"))
        assert height_px(zoom_in, 0) == height_px(static, 0)
        assert height_px(zoom_in, LAST) == pytest.approx(ZOOM * height_px(static, LAST), abs=1.5)
        assert middle_px(zoom_in, LAST) == pytest.approx(middle_px(static, LAST), abs=3)
    zoom_out = views(scene_with(camera="zoom-out"))
    assert zoom_out[::-1] == pytest.approx(views(scene_with(camera="zoom-in")))


def test_tracking_keeps_a_runner_in_the_middle_while_the_ground_scrolls() -> None:
    tracking, static = (scene_with(action="run", camera=camera) for camera in ("tracking", "static"))
    across = [middle_px(tracking, frame_index)[0] for frame_index in range(0, 25, 4)]
    assert max(across) - min(across) < 3
    assert middle_px(static, LAST)[0] - middle_px(static, 0)[0] > 60
    clip = render_clip(tracking)
    assert slide_px(clip[0], clip[10], slice(112, 127)) == pytest.approx(-0.24 * 128, abs=1.5)


def test_tilts_lift_and_lower_the_view() -> None:
    up, down = (views(scene_with(camera=camera))[:, 1] for camera in ("tilt-up", "tilt-down"))
    assert np.all(np.diff(up) <= 0)
    assert np.all(np.diff(down) >= 0)
    assert up[0] - up[-1] == pytest.approx(down[-1] - down[0]) == pytest.approx(0.16)


def test_hand_held_camera_shakes_a_little_and_smoothly() -> None:
    shaken = views(scene_with(camera="handheld"))[:, :2]
    assert 0.02 < np.ptp(shaken[:, 0]) < 0.06
    assert np.abs(np.diff(shaken, axis=0)).max() < 0.02


def test_hero_stays_mostly_in_the_frame() -> None:
    for camera in CAMERAS:
        for subject, action in (("dog", "walk"), ("cat", "jump"), ("bird", "fly"), ("robot", "run")):
            scene = scene_with(camera=camera, subject=subject, action=action, offset=0.0)
            zooms = views(scene)[:, 2] ** 2
            areas = [
                subject_mask(scene, frame_index).sum() / zooms[frame_index] for frame_index in (0, 6, 12, 18, LAST)
            ]
            assert min(areas) > 0.6 * max(areas), (camera, subject, action)
