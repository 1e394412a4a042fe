"""`aiprod generate --model ltx2:…` and `aiprod replay` of what it made, on tiny weights."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from tiny_ltx2 import PROMPT
from typer.testing import CliRunner

from aiprod_pipelines.backends.ltx2_requests import ADVISED
from aiprod_pipelines.cli import app
from aiprod_pipelines.media import read_clip
from aiprod_pipelines.proof.paper import receipt_path
from aiprod_pipelines.proof.receipt import read_receipt

Written = Callable[[str], Path]
SMALL = ["--width", "64", "--height", "64", "--num-frames", "9", "--num-inference-steps", "2", "--threads", "1"]


def generate(weights: Path, film: Path, *arguments: str) -> Result:
    command = ["generate", PROMPT, *SMALL, "--model", f"ltx2:{weights}", "--output-path", str(film), *arguments]
    return CliRunner().invoke(app, command)


def replay(film: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["replay", str(receipt_path(film)), *arguments])


def test_a_film_with_its_licence_and_its_receipt_that_replays(single_file: Written, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    made = generate(single_file("2.3"), film, "--seed", "4")
    assert made.exit_code == 0, made.output
    assert "Lightricks LTX-2.3, LTX-2 Community License Agreement" in made.stderr
    assert "are not sovereign" in made.stderr
    clip = read_clip(film)
    assert clip.frames.shape == (9, 64, 64, 3)
    assert clip.audio is not None
    receipt = read_receipt(receipt_path(film))
    assert (receipt.model.backend, receipt.model.name, receipt.model.version) == ("ltx2", "ltx2", "2.3")
    assert receipt.model.licence == "LTX-2 Community License Agreement"
    assert receipt.model.lineage == "Lightricks LTX-2.3"
    assert len(receipt.model.weights["ltx-2-19b-dev.safetensors"]) == 64
    assert receipt.code.libraries["diffusers"]
    assert receipt.settings.frame_rate == ADVISED["frame_rate"]  # it was left out
    assert str(tmp_path) not in receipt.to_json().decode()
    again = replay(film, "--model", f"ltx2:{single_file('2.3')}")
    assert again.exit_code == 0, again.output
    assert "identical" in again.stdout


def test_a_replay_needs_the_weights_that_made_the_film(folder: Written, family: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    assert generate(folder("2.0"), film).exit_code == 0
    for arguments in ([], ["--model", str(family)]):
        refused = replay(film, *arguments)
        assert refused.exit_code == 1
        assert "expected ltx2 2.0 that made the film; name it with --model, as ltx2:PATH" in refused.stderr
    shutil.copytree(folder("2.0"), tmp_path / "other")
    config = tmp_path / "other" / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text().replace("0.95", "0.5"))
    other = replay(film, "--model", f"ltx2:{tmp_path / 'other'}")
    assert other.exit_code == 1
    assert "scheduler_config.json: got other weights" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--pipeline", "extend", "--source", "a.mp4"], "pipeline: got extend, which LTX-2 does not offer"),
        (["--width", "72"], "use 64 or 96"),
        (["--apg-eta", "0"], "which LTX-2 does not have"),
    ],
)
def test_refusals_are_one_line_and_leave_nothing(
    arguments: list[str], said: str, folder: Written, tmp_path: Path
) -> None:
    (tmp_path / "films").mkdir()
    refused = generate(folder("2.0"), tmp_path / "films" / "film.mp4", *arguments)
    assert refused.exit_code == 1
    assert said in refused.stderr.splitlines()[-1]
    assert not list((tmp_path / "films").iterdir())


def test_no_weights_there(tmp_path: Path) -> None:
    refused = generate(tmp_path / "none", tmp_path / "film.mp4")
    assert refused.exit_code == 1
    assert "expected LTX-2 weights on this machine" in refused.stderr
