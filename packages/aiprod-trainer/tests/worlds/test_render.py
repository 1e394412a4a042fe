import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from aiprod_core.errors import InputError
from aiprod_trainer.worlds.backgrounds import layers_of
from aiprod_trainer.worlds.brush import PAINTBOX
from aiprod_trainer.worlds.contact_sheet import GAP_PX, TITLE_PX, contact_sheet
from aiprod_trainer.worlds.render import render_clip, render_frame, subject_mask
from aiprod_trainer.worlds.scene import Companion, Scene, sample_scene
from aiprod_trainer.worlds.vocabulary import COLOURS, IMPOSSIBLE, SETTINGS, TIMES, WEATHERS, words_at

SHA_OF_ONE_FRAME = """
import hashlib
from aiprod_trainer.worlds.render import render_frame
from aiprod_trainer.worlds.scene import sample_scene
print(hashlib.sha256(render_frame(sample_scene(5), 7).tobytes()).hexdigest())
"""


def scene_with(**changes: Any) -> Scene:
    plain = {
        "subject": "cat",
        "colour": "red",
        "action": "stand",
        "direction": "right",
        "setting": "meadow",
        "time": "day",
        "weather": "clear",
        "camera": "static",
        "size": 0.48,
        "offset": 0.0,
    }
    return replace(sample_scene(0), **(plain | changes))


def places(level: int) -> list[tuple[str, str, str]]:
    return [
        (setting, time, weather)
        for setting in words_at(level, SETTINGS)
        for time in TIMES
        for weather in WEATHERS
        if (setting, weather) not in IMPOSSIBLE
    ]


def frame_at(setting: str, time: str, weather: str, **changes: Any) -> np.ndarray:
    return render_frame(scene_with(setting=setting, time=time, weather=weather, **changes), 0).astype(float)


def test_clip_is_its_frames() -> None:
    for index in range(6):
        scene = sample_scene(index)
        clip = render_clip(scene)
        assert clip.shape == (scene.num_frames, 128, 128, 3)
        assert clip.dtype == np.uint8
        for frame_index in (24, 0, 11):
            assert np.array_equal(clip[frame_index], render_frame(scene, frame_index))


def test_frame_does_not_depend_on_what_was_drawn_before() -> None:
    scenes = [sample_scene(index) for index in range(12)]
    forwards = [render_frame(scene, 7) for scene in scenes]
    for scene, earlier in reversed(list(zip(scenes, forwards, strict=True))):
        subject_mask(scene, 3)
        render_frame(scene, 7, width=64, height=64)
        assert np.array_equal(render_frame(scene, 7), earlier)
    fresh = subprocess.run(
        [sys.executable, "-c", SHA_OF_ONE_FRAME],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert fresh.stdout.strip() == hashlib.sha256(forwards[5].tobytes()).hexdigest()


def test_every_place_is_told_apart() -> None:
    frames = {place: frame_at(*place)[::2, ::2] for place in places(2)}
    for first, second in combinations(frames, 2):
        difference = np.abs(frames[first] - frames[second]).mean()
        assert difference > 3.0, (first, second, difference)


def test_hours_of_the_sky() -> None:
    for setting in words_at(1, SETTINGS):
        sky = {time: frame_at(setting, time, "clear")[:30].mean(axis=(0, 1)) for time in TIMES}
        assert sky["day"].mean() > sky["dusk"].mean() > 1.7 * sky["night"].mean()
        assert sky["dusk"][0] > 1.1 * sky["dusk"][1]
        assert sky["night"][2] > 1.3 * sky["night"][0]


def test_colour_of_the_hero_stays_readable() -> None:
    hues = {name: np.array(PAINTBOX[name][0]) / max(PAINTBOX[name][0]) for name in words_at(1, COLOURS)}
    for time in TIMES:
        for weather in WEATHERS:
            for name in hues:
                scene = scene_with(subject="car", colour=name, time=time, weather=weather)
                body = render_frame(scene, 0)[72:88, 40:88].reshape(-1, 3)
                seen = np.median(body, axis=0)
                seen = seen / seen.max()
                nearest = min(hues, key=lambda other: float(np.abs(hues[other] - seen).sum()))
                assert nearest == name, (time, weather, name, nearest)


def test_level_one_leaves_no_scenery_open_and_jitter_does() -> None:
    one, two = (scene_with(subject=subject, size=0.44) for subject in ("ball", "cat"))
    covered = np.maximum(subject_mask(one, 0), subject_mask(two, 0)) > 0
    covered[96:] = True  # shadows
    assert np.array_equal(render_frame(one, 0)[~covered], render_frame(two, 0)[~covered])
    assert 0.5 < 1 - covered.mean() < 0.8
    for setting in SETTINGS:
        frames = [frame_at(setting, "day", "clear", jitter=jitter) for jitter in (0, 1, 2)]
        for first, second in combinations(frames, 2):
            assert np.abs(first - second).mean() > 1.0, setting


def test_weather_moves_and_a_clear_still_place_does_not() -> None:
    for weather, moves in {"clear": False, "rain": True, "snow": True, "fog": True}.items():
        clip = render_clip(scene_with(weather=weather, action="sit"))[:, :, :24].astype(int)
        assert (np.abs(clip[1:] - clip[:-1]).max() > 0) == moves, weather


def test_mask_holds_the_hero_and_nothing_else() -> None:
    scene = scene_with(subject="ball")
    mask = subject_mask(scene, 0)
    assert mask.dtype == np.float32
    assert mask.max() == 1.0
    assert mask.sum() == pytest.approx(np.pi / 4 * (scene.size * 128) ** 2, rel=0.08)
    city, beach = (render_frame(replace(scene, setting=setting), 0).astype(int) for setting in ("city", "beach"))
    assert np.abs(city - beach)[mask == 1.0].max() <= 2
    above_ground = (mask == 0.0) & (np.arange(128) < 100)[:, None]
    empty = render_frame(replace(scene, offset=5.0), 0)
    assert np.array_equal(render_frame(scene, 0)[above_ground], empty[above_ground])


def test_squash_keeps_the_area() -> None:
    scene = scene_with(subject="ball", action="bounce")
    areas = [subject_mask(scene, frame_index).sum() for frame_index in range(7)]
    heights = [(subject_mask(scene, frame_index).max(axis=1) > 0.5).sum() for frame_index in range(7)]
    assert max(areas) / min(areas) < 1.02
    assert max(heights) / min(heights) > 1.2


def test_rolling_ball_turns_about_its_middle_and_left_mirrors_right() -> None:
    right = scene_with(subject="ball", action="roll")
    left = replace(right, direction="left")
    clear = np.stack([subject_mask(right, frame_index) for frame_index in range(25)])
    base = [np.flatnonzero(frame.max(axis=1) > 0.5).max() for frame in clear]
    assert max(base) - min(base) <= 1
    for frame_index in (3, 20):
        mirrored = subject_mask(left, frame_index)[:, ::-1]
        assert np.abs(mirrored - subject_mask(right, frame_index)).mean() < 0.01


def test_hero_follows_or_has_its_companion_at_its_side() -> None:
    alone = scene_with(action="walk", setting="desert")
    for relation, side in (("beside", -1), ("behind", 1)):
        scene = replace(alone, companion=Companion(subject="dog", colour="blue", relation=relation))
        for frame_index in (0, 12, 24):
            land = render_frame(scene, frame_index)[85:104].astype(int)
            blue = np.flatnonzero((land[..., 2] > land[..., 0] + 60).any(axis=0))
            hero = np.average(np.arange(128), weights=subject_mask(scene, frame_index).sum(axis=0))
            assert len(blue) > 8
            assert side * (blue.mean() - hero) > 15


def test_sizes_keep_the_composition() -> None:
    scene = scene_with()
    small = render_frame(scene, 0, width=64, height=64).astype(float)
    large = render_frame(scene, 0, width=256, height=256).reshape(64, 4, 64, 4, 3).mean(axis=(1, 3))
    assert np.abs(small - large).mean() < 2.0
    wide = render_frame(scene, 0, width=192, height=128)
    assert np.abs(wide[:, 32:-32].astype(int) - render_frame(scene, 0)).mean() < 1.0


def test_requests_that_cannot_be_met() -> None:
    with pytest.raises(InputError, match="frame: got 25"):
        render_frame(sample_scene(0), 25)
    with pytest.raises(InputError, match="size: got 8x8"):
        render_clip(sample_scene(0), width=8, height=8)
    with pytest.raises(InputError, match="setting: got 'sea'"):
        layers_of("sea", "day", "clear")


def test_contact_sheet_shows_first_to_last_frame() -> None:
    clips = [render_clip(sample_scene(index), width=64, height=64) for index in range(2)]
    sheet = np.asarray(contact_sheet(clips, ["one", "two"], columns=4))
    row_height = TITLE_PX + 64 + GAP_PX
    assert sheet.shape == (2 * row_height, 4 * (64 + GAP_PX) - GAP_PX, 3)
    assert np.array_equal(sheet[TITLE_PX : TITLE_PX + 64, :64], clips[0][0])
    assert np.array_equal(sheet[row_height + TITLE_PX : row_height + TITLE_PX + 64, -64:], clips[1][-1])
    with pytest.raises(InputError, match="got 2 clips, 1 titles"):
        contact_sheet(clips, ["one"])
