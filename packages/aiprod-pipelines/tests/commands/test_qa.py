import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from aiprod_core.errors import MediaError
from aiprod_pipelines.commands.qa import app, parse_expected
from aiprod_pipelines.delivery.encode import write_sound
from aiprod_pipelines.picture import Sound
from aiprod_pipelines.quality.finding import Expected

runner = CliRunner()


def test_a_clean_film_passes_and_a_report_is_written(film: Path, tmp_path: Path) -> None:
    done = runner.invoke(app, [str(film), "--json", str(tmp_path / "r.json"), "--html", str(tmp_path / "r.html")])
    assert done.exit_code == 0, done.output
    (report,) = json.loads((tmp_path / "r.json").read_text())
    assert report["faults"] == 0
    assert (report["facts"]["width_px"], report["facts"]["frames"]) == (32, 17)
    assert "film.mp4" in (tmp_path / "r.html").read_text()
    assert "small picture" in done.output


def test_what_was_expected_decides(film: Path) -> None:
    assert runner.invoke(app, [str(film), "--expect", "size=32x32,duration=1.7,rate=10,sound=yes"]).exit_code == 0
    done = runner.invoke(app, [str(film), "--expect", "size=64x64,loudness=-40"])
    assert done.exit_code == 1
    assert "got 32×32 px, expected 64×64 px" in done.output
    assert "loudness" in done.output


def test_several_files_and_one_of_them_damaged(film: Path, tmp_path: Path) -> None:
    (tmp_path / "half.mp4").write_bytes(film.read_bytes()[:2000])
    (tmp_path / "bad.cube").write_text("LUT_3D_SIZE 2\n0 0 0\n")
    done = runner.invoke(app, [str(film), str(tmp_path / "half.mp4"), str(tmp_path / "bad.cube")])
    assert done.exit_code == 1
    assert done.output.count("unreadable") == 2


def test_a_film_against_itself(film: Path, tmp_path: Path) -> None:
    done = runner.invoke(app, [str(film), "--reference", str(film), "--json", str(tmp_path / "r.json")])
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "r.json").read_text())[0]["facts"]["ssim"] == 1


@pytest.mark.parametrize("words", ["size=big", "size", "colour=blue", "duration=long", "sound=maybe", "rate=1/0", ""])
def test_an_expectation_that_cannot_be_read_is_wrong_usage(words: str, film: Path) -> None:
    done = runner.invoke(app, [str(film), "--expect", words])
    assert done.exit_code == 2
    assert "expected" in done.output


def test_expectations() -> None:
    assert parse_expected("size=1920x1080, rate=24000/1001,loudness=-16,codec=h264,sound=no,bars=no") == Expected(
        size_px=(1920, 1080),
        frame_rate=Fraction(24_000, 1001),
        loudness_lufs=-16.0,
        codec="h264",
        sound=False,
        full_frame=True,
    )


def test_the_report_of_a_silent_sound_is_json_without_infinities(tmp_path: Path) -> None:
    write_sound(tmp_path / "silent.wav", Sound(np.zeros((2, 48_000), np.float32)))
    done = runner.invoke(app, [str(tmp_path / "silent.wav"), "--json", str(tmp_path / "r.json")])
    assert done.exit_code == 1
    assert "every sample is zero" in " ".join(done.output.split())
    assert "Infinity" not in (tmp_path / "r.json").read_text()


def test_a_file_that_is_not_there_or_a_report_that_cannot_be_written_is_named(film: Path, tmp_path: Path) -> None:
    assert isinstance(runner.invoke(app, [str(tmp_path / "none.mp4")]).exception, MediaError)
    done = runner.invoke(app, [str(film), "--json", str(tmp_path / "none" / "r.json")])
    assert isinstance(done.exception, MediaError)
    assert "r.json" in str(done.exception)
