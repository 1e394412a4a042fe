"""Motion is found in pictures whose camera is known, and not where only the subject moves."""

from dataclasses import replace

import pytest
import torch

from aiprod_trainer.evaluation.camera import true_motion
from aiprod_trainer.evaluation.camera_motion import CameraMotion, camera_motion, sliding_px
from aiprod_trainer.worlds.pixels import scene_video
from aiprod_trainer.worlds.scene import sample_scene

SCENE = replace(sample_scene(0), subject="cat", action="stand", setting="meadow", time="day", weather="clear", level=1)


def measured(**changes: str) -> tuple[CameraMotion, tuple[float, float, float]]:
    scene = replace(SCENE, **changes)  # type: ignore[arg-type]
    return camera_motion(scene_video(scene, size_px=128)), true_motion(scene, 128)


@pytest.mark.parametrize("camera", ["static", "pan-left", "pan-right", "tilt-up", "tilt-down", "zoom-in", "zoom-out"])
def test_known_cameras_are_measured(camera: str) -> None:
    found, (pan, tilt, zoom) = measured(camera=camera)
    assert found.pan_px == pytest.approx(pan, abs=0.15)
    assert found.tilt_px == pytest.approx(tilt, abs=0.1)
    assert found.zoom == pytest.approx(zoom, abs=0.002)


def test_a_subject_that_walks_is_no_pan() -> None:
    found, _ = measured(camera="static", action="walk")
    assert abs(found.pan_px) < 0.1
    assert abs(found.zoom) < 0.001


def test_falling_snow_does_not_hide_a_pan() -> None:
    found, (pan, _, _) = measured(camera="pan-right", weather="snow")
    assert found.pan_px == pytest.approx(pan, abs=0.3)


def test_a_handheld_camera_shakes() -> None:
    assert measured(camera="handheld")[0].shake_px > 0.2 > measured(camera="static")[0].shake_px


def test_a_strip_that_slides_is_timed() -> None:
    wide = torch.rand(1, 8, 300, generator=torch.Generator().manual_seed(0))
    assert sliding_px(torch.cat([wide[..., 100 - 2 * t : 228 - 2 * t] for t in range(20)])) == pytest.approx(
        2.0, abs=0.1
    )
    assert sliding_px(wide[..., :128].expand(20, -1, -1)) is None
