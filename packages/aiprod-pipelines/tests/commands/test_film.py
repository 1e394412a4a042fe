"""`aiprod film`: one real film of a rendered shot and a clip of one's own, built, built again, changed, explained."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from aiprod_pipelines.cli import app
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.media import Clip, write_clip
from aiprod_pipelines.montage import timeline
from aiprod_pipelines.subtitle_files import read_subtitles

BOARD = """
title: The red cat
seed: 7
quality: draft
size: 128x128
frame_rate: 10
look: golden_hour
music: calm
subtitles: [soft, file]
ending: fade
shots:
  - {id: cat, prompt: a red cat walking on a beach by day, duration: 0.8, dialogue: [Where?]}
  - {id: own, clip: own.mp4, transition: {kind: dissolve, duration: 0.4}, effects: [bell]}
"""
MEDIA = Path(__file__).parents[5] / "shared" / "media"


def film(folder: Path, *options: str, source: str = "film.yaml") -> Result:
    kept = ["--artifacts", str(folder / "kept"), "-o", str(folder / "film.mp4")]
    return CliRunner().invoke(app, ["film", str(folder / source) if "." in source else source, *kept, *options])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("film")
    ramp = np.linspace(30, 220, 64)[None, None, :, None] + 2 * np.arange(20)[:, None, None, None]
    tone = (0.2 * np.sin(np.arange(48_000) * 0.05)).astype(np.float32)[None]
    write_clip(Clip(np.broadcast_to(ramp, (20, 64, 64, 3)).astype(np.uint8), 10.0, tone), folder / "own.mp4")
    (folder / "film.yaml").write_text(BOARD)
    done = film(folder, "--workers", "2", "--json", "--timeline", str(folder / "cut.otio"))
    assert done.exit_code == 0, done.output
    (folder / "first.json").write_text(done.stdout)
    return folder


def test_the_film_is_there_with_all_that_goes_with_it(built: Path) -> None:
    footage = Footage.open(built / "film.mp4")
    assert (footage.width_px, footage.height_px, float(footage.frame_rate)) == (128, 128, 10.0)
    assert footage.num_frames == 8 + 18, "the clip gives up two frames to the dissolve"
    sound = footage.sound()
    assert sound is not None
    assert sound.duration_s == pytest.approx(footage.duration_s, abs=1e-3)
    for name in ("film.poster.png", "film.contact.png", "film.qa.json", "film.qa.html", "film.srt", "film.vtt"):
        assert (built / name).stat().st_size > 0
    assert [cue.text for cue in read_subtitles(built / "film.srt")] == ["Where?"]
    read = timeline.read(built / "cut.otio")
    assert [clip.name for clip in read.video_tracks()[0].find_clips()] == ["cat", "own"]
    receipt = json.loads((built / "film.mp4.receipt.json").read_text())
    sha256 = json.loads((built / "first.json").read_text())["output"][str(built / "film.mp4")]
    assert receipt["files"] == {"film.mp4": sha256}
    assert {step["name"] for step in receipt["steps"]} >= {"cat / shot", "own / grade", "film / sound", "film / web"}


def test_again_it_makes_nothing_and_gives_the_same_bytes(built: Path) -> None:
    before = (built / "film.mp4").read_bytes()
    again = film(built, "--json")
    assert json.loads(again.stdout)["steps_made"] == 0
    assert (built / "film.mp4").read_bytes() == before


def test_what_would_be_made_is_said_with_its_reason(built: Path) -> None:
    (built / "other.yaml").write_text(BOARD.replace("music: calm", "music: tense"))
    said = film(built, "--dry-run", source="other.yaml").stdout
    assert "· cat / shot: kept" in said
    assert re.search(r"○ film / music: name: 'calm' → 'tense'", said)
    assert re.search(r"○ film / sound: .*music: made anew", said)
    assert "· cat / picture web: kept" in said


def test_a_step_is_explained(built: Path) -> None:
    said = film(built, "--explain", "cat / shot").stdout
    assert "a red cat walking on a beach by day" in said
    assert "shdt_distilled.safetensors" in said
    assert "kept:" in said


def test_an_unknown_step_is_said_with_those_there_are(built: Path) -> None:
    done = film(built, "--explain", "dog / shot")
    assert done.exit_code == 1
    assert "'cat / shot'" in done.output


def test_a_clip_that_is_gone_is_said_with_its_line(built: Path) -> None:
    (built / "bad.yaml").write_text(BOARD.replace("own.mp4", "gone.mp4"))
    done = film(built, source="bad.yaml")
    assert done.exit_code == 1
    assert re.search(r"bad\.yaml:13: shots\[2\]\.clip: .*gone\.mp4", done.output)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("duration: 0.8", "duration: -1", r"film\.yaml:12: shots\[1\]\.duration: got -1"),
        ("golden_hour", "no_such_look", r"film\.yaml:7: look: .*no_such_look"),
        ("transition: {", "continue_from: own, transition: {", r"shots\[2\]\.continue_from"),
        ("music: calm", "music: calm\ndelivery: [prores422]", r"film\.mp4: got the ending '\.mp4'"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_lost(built: Path, tmp_path: Path, old: str, new: str, said: str) -> None:
    (tmp_path / "own.mp4").write_bytes((built / "own.mp4").read_bytes())
    (tmp_path / "film.yaml").write_text(BOARD.replace(old, new))
    done = film(tmp_path)
    assert done.exit_code == 1
    assert re.search(said, done.output), done.output
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["film.yaml", "own.mp4"]


def test_a_truncated_table_is_said(built: Path, tmp_path: Path) -> None:
    if not MEDIA.exists():
        pytest.skip("the shared media are not here")
    (tmp_path / "own.mp4").write_bytes((built / "own.mp4").read_bytes())
    lut = MEDIA / "corrupt" / "lut_truncated.cube"
    (tmp_path / "film.yaml").write_text(BOARD.replace("look: golden_hour", f"look: {{lut: {lut}}}"))
    done = film(tmp_path)
    assert done.exit_code == 1
    assert "lut_truncated.cube" in done.output
    assert not (tmp_path / "film.mp4").exists()


def test_a_folder_that_is_not_there_is_said_before_anything_is_made(built: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["film", str(built / "film.yaml"), "-o", str(tmp_path / "gone" / "film.mp4")])
    assert done.exit_code == 1
    assert "cannot write it" in done.output


def test_a_sentence_becomes_a_storyboard_that_is_not_written_over(tmp_path: Path) -> None:
    foretold = film(tmp_path, "--dry-run", source="a red cat walks on a beach")
    assert foretold.exit_code == 0, foretold.output
    path = tmp_path / "film.yaml"
    assert "a red cat" in path.read_text()
    path.write_text(path.read_text() + "# mine\n")
    refused = film(tmp_path, "--dry-run", source="a red cat walks on a beach")
    assert refused.exit_code == 1
    assert "got a storyboard already" in refused.output


def test_artifacts_are_listed_verified_and_cleared(built: Path) -> None:
    kept = ["--artifacts", str(built / "kept")]
    listed = CliRunner().invoke(app, ["artifacts", "list", "--json", *kept]).stdout.splitlines()
    assert {json.loads(line)["kind"] for line in listed} >= {"shot", "graded", "picture", "soundtrack", "delivered"}
    assert CliRunner().invoke(app, ["artifacts", "verify", *kept]).exit_code == 0
    assert "removed 0" in CliRunner().invoke(app, ["artifacts", "gc", "--max-size", "0", *kept]).stdout, "just used"


def test_a_receipt_makes_every_step_again_to_the_same_bytes(built: Path) -> None:
    done = CliRunner().invoke(app, ["replay", str(built / "film.mp4.receipt.json"), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["different"] == {}


def test_a_receipt_of_other_bytes_is_found_out(built: Path, tmp_path: Path) -> None:
    receipt = json.loads((built / "film.mp4.receipt.json").read_text())
    assert "/" not in receipt["folder"], "no path of this machine"
    step = next(step for step in receipt["steps"] if step["name"] == "film / sound")
    step["sha256"] = "0" * 64
    (built / "other.receipt.json").write_text(json.dumps(receipt))
    done = CliRunner().invoke(app, ["replay", str(built / "other.receipt.json")])
    assert done.exit_code == 1
    assert "film / sound: was 000000000000…" in done.stdout


def test_a_full_disk_is_said_and_leaves_nothing(built: Path, tmp_path: Path) -> None:
    (tmp_path / "own.mp4").write_bytes((built / "own.mp4").read_bytes())
    (tmp_path / "film.yaml").write_text(BOARD)
    command = [
        sys.executable,
        "-m",
        "aiprod_pipelines.cli",
        "film",
        "film.yaml",
        "-o",
        "film.mp4",
        "--artifacts",
        "kept",
    ]
    limited = f"ulimit -f 60; exec {shlex.join(command)}"
    done = subprocess.run(["sh", "-c", limited], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "cannot write it (File too large)" in done.stderr
    assert not (tmp_path / "film.mp4").exists()
    assert not [path for path in (tmp_path / "kept").rglob(".*") if path.is_file()]
