"""The whole evaluation, on a tiny untrained family of models: every figure is there, and finished clips are kept."""

import json
from pathlib import Path

from aiprod_core.family import SovereignModels
from aiprod_core.models.judge import AttributeJudge
from aiprod_core.types import GenerationConfig
from aiprod_trainer.data.video_file import write_mp4
from aiprod_trainer.evaluation.nano import Plan, evaluate_nano
from aiprod_trainer.worlds.render import render_clip
from aiprod_trainer.worlds.scene import sample_scene
from aiprod_trainer.worlds.sound import render_sound

REQUEST = GenerationConfig(prompt="set for each clip", num_inference_steps=2, width=64, height=64)


def test_every_figure_is_measured_and_clips_are_kept(
    models: SovereignModels, judge: AttributeJudge, tmp_path: Path
) -> None:
    media = tmp_path / "media"
    media.mkdir()
    scene = sample_scene(0, level=3)
    write_mp4(media / "real.mp4", render_clip(scene), 10.0, render_sound(scene), 24_000)
    plan, told = Plan(request=REQUEST, prompts=2, media=media, fitted_on=8), []
    report = evaluate_nano(models, judge, plan, tmp_path / "out", lambda *step: told.append(step))
    groups = {figure.group for figure in report.figures}
    assert {"judge on real renders", "judge after a codec round trip", "generated clips", "HW-VAE"} <= groups
    assert {"setting", "camera", "all", "flicker", "motion energy"} <= {f.name for f in report.figures if f.bar}
    assert "  real.mp4" in {figure.name for figure in report.figures}
    assert report.met is False
    assert ("generate", 2, 2) in told
    assert json.loads((tmp_path / "out" / "report.json").read_text())["about"]["prompts"] == 2
    assert (tmp_path / "out" / "sheet.png").is_file()

    clips = sorted((tmp_path / "out" / "clips").rglob("*.npz"))
    before = [path.stat().st_mtime_ns for path in clips]
    again = evaluate_nano(models, judge, plan, tmp_path / "out", lambda *step: None)
    assert [path.stat().st_mtime_ns for path in clips] == before
    assert again.to_json() == report.to_json()
