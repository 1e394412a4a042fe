"""The evaluation of the camera, on a tiny untrained family: every move and strength has a row, and clips are kept."""

import json
from pathlib import Path

import pytest

from aiprod_core.camera import CameraMove
from aiprod_core.family import SovereignModels
from aiprod_core.models.judge import AttributeJudge
from aiprod_core.types import GenerationConfig
from aiprod_trainer.evaluation.camera import STRENGTHS, asked_motion, evaluate_camera, true_motion
from aiprod_trainer.evaluation.nano import Plan
from aiprod_trainer.worlds.scene import sample_scene

PLAN = Plan(
    request=GenerationConfig(prompt="set for each clip", num_inference_steps=1, width=64, height=64, num_frames=9),
    prompts=2,
)
CHOSEN = ("pan-left", "tilt-up")


def test_every_move_and_strength_is_measured_and_kept(
    models: SovereignModels, judge: AttributeJudge, tmp_path: Path
) -> None:
    report = evaluate_camera(models, judge, PLAN, tmp_path, lambda *step: None, renders=2, moves=CHOSEN)
    assert [(row.move, row.strength) for row in report.rows] == [
        ("static", 0.0),
        *[(move, strength) for move in CHOSEN for strength in STRENGTHS],
    ]
    assert {row.clips for row in report.rows} == {2}
    assert {row.move for row in report.rows if row.judged is None} == {"tilt-up"}
    assert set(report.follows) == set(CHOSEN)
    assert sum(error["clips"] for error in report.errors.values()) == 2
    assert json.loads((tmp_path / "camera.json").read_text())["about"]["prompts"] == 2
    assert report.table().row_count == len(report.rows)

    before = [path.stat().st_mtime_ns for path in sorted((tmp_path / "clips").rglob("*.npz"))]
    again = evaluate_camera(models, judge, PLAN, tmp_path, lambda *step: None, renders=2, moves=CHOSEN)
    assert [path.stat().st_mtime_ns for path in sorted((tmp_path / "clips").rglob("*.npz"))] == before
    assert again.to_json() == report.to_json()


@pytest.mark.parametrize("name", ["pan-left", "tilt-up", "zoom-in", "zoom-out"])
def test_a_request_asks_for_what_renders_have(name: str) -> None:
    scenes = (sample_scene(index, level=2) for index in range(2000))
    scene = next(scene for scene in scenes if scene.camera == name and scene.action == "stand")
    asked = asked_motion(CameraMove(name), scene.num_frames, scene.frame_rate_hz, 128)
    axis = {"pan": 0, "tilt": 1, "zoom": 2}[name.split("-")[0]]
    assert asked == pytest.approx(abs(true_motion(scene, 128)[axis]))
