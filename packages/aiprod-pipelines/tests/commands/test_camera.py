"""`--camera` reaches the film and its receipt, a replay honours it, and receipts from before it still read."""

import json
from pathlib import Path

import pytest
import typer
from tiny_family import PROMPT
from typer.testing import CliRunner, Result

from aiprod_core.camera import CameraMove
from aiprod_pipelines.cli import app
from aiprod_pipelines.commands.camera import parse_camera
from aiprod_pipelines.proof.paper import receipt_path
from aiprod_pipelines.proof.receipt import read_receipt

SMALL = ["--width", "32", "--height", "32", "--num-frames", "9", "--num-inference-steps", "2", "--threads", "1"]


def generate(family: Path, film: Path, *options: str) -> Result:
    arguments = ["generate", PROMPT, *SMALL, "--model", str(family), "--output-path", str(film), *options]
    return CliRunner().invoke(app, arguments)


def test_a_steered_film_is_replayed_from_its_receipt(family: Path, tmp_path: Path) -> None:
    film, still = tmp_path / "pan.mp4", tmp_path / "still.mp4"
    assert generate(family, film, "--camera", "pan-left:0.6").exit_code == 0
    assert generate(family, still, "--camera", "static").exit_code == 0
    assert film.read_bytes() != still.read_bytes()
    assert read_receipt(receipt_path(film)).settings.camera == CameraMove("pan-left", 0.6)
    replayed = CliRunner().invoke(app, ["replay", str(receipt_path(film)), "--model", str(family), "--json"])
    assert replayed.exit_code == 0, replayed.output
    assert json.loads(replayed.stdout)["verdict"] == "identical"

    content = json.loads(receipt_path(still).read_text())
    del content["settings"]["camera"]
    receipt_path(still).write_text(json.dumps(content))
    assert read_receipt(receipt_path(still)).settings.camera is None


@pytest.mark.parametrize(
    ("camera", "code", "said"),
    [
        ("pan-left:much", 2, "expected MOVE or MOVE:STRENGTH"),
        ("pan-left:2", 1, "camera strength: got 2.0"),
        ("swirl", 1, "camera: got 'swirl', expected one of static, pan-left"),
        ("dolly-in", 1, "camera: got dolly-in, which needs depth"),
    ],
)
def test_what_is_no_move_is_refused(camera: str, code: int, said: str, family: Path, tmp_path: Path) -> None:
    made = generate(family, tmp_path / "film.mp4", "--camera", camera)
    assert made.exit_code == code
    assert said in " ".join(made.stderr.replace("│", " ").split())
    assert not (tmp_path / "film.mp4").exists()


def test_a_move_is_parsed() -> None:
    assert parse_camera("zoom-in") == CameraMove("zoom-in", 1.0)
    assert parse_camera("tilt-up:0.25") == CameraMove("tilt-up", 0.25)
    with pytest.raises(typer.BadParameter, match=r"write e\.g\. --camera"):
        parse_camera("tilt-up:high")
