import json
from pathlib import Path

from typer.testing import CliRunner

from aiprod_pipelines.cli import app
from aiprod_pipelines.media import Clip, write_clip


def test_the_same_film_is_identical_and_exit_code_0(clip: Clip, tmp_path: Path) -> None:
    write_clip(clip, tmp_path / "a.mp4")
    result = CliRunner().invoke(app, ["compare", str(tmp_path / "a.mp4"), str(tmp_path / "a.mp4"), "--json"])
    assert result.exit_code == 0
    facts = json.loads(result.stdout)
    assert facts["verdict"] == "identical"
    assert facts["psnr_db"] == "inf"


def test_another_film_is_different_and_exit_code_1(clip: Clip, tmp_path: Path) -> None:
    write_clip(clip, tmp_path / "a.mp4")
    write_clip(Clip(255 - clip.frames, clip.frame_rate_hz, clip.audio), tmp_path / "b.mp4")
    result = CliRunner().invoke(app, ["compare", str(tmp_path / "a.mp4"), str(tmp_path / "b.mp4")])
    assert result.exit_code == 1
    for word in ("different", "PSNR", "SSIM", "sound SNR", "worst frame"):
        assert word in result.stdout


def test_a_damaged_film_is_one_line(clip: Clip, tmp_path: Path) -> None:
    write_clip(clip, tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_bytes((tmp_path / "a.mp4").read_bytes()[:400])
    result = CliRunner().invoke(app, ["compare", str(tmp_path / "a.mp4"), str(tmp_path / "b.mp4")])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert "b.mp4" in result.stderr
