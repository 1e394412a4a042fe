import json
import shutil
from pathlib import Path

import pytest
from PIL import Image
from tiny_family import PROMPT, seal
from typer.testing import CliRunner

from aiprod_core.types import GenerationConfig
from aiprod_pipelines.cli import app
from aiprod_pipelines.proof.paper import receipt_path
from aiprod_pipelines.rendering import Setup, render_batch

SMALL = ["--width", "32", "--height", "32", "--num-frames", "9", "--num-inference-steps", "2", "--threads", "1"]


@pytest.fixture(scope="module")
def rendered(family: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    Image.new("RGB", (40, 40), (200, 40, 40)).save(folder / "red.png")
    film = folder / "film.mp4"
    arguments = ["generate", PROMPT, *SMALL, "--seed", "9", "--model", str(family), "--output-path", str(film)]
    result = CliRunner().invoke(app, [*arguments, "--image", str(folder / "red.png"), "0", "1"])
    assert result.exit_code == 0, result.output
    return film


@pytest.fixture
def film(rendered: Path, tmp_path: Path) -> Path:
    """A rendered film with its receipt and picture, in a folder of its own: as carried to another place."""
    shutil.copytree(rendered.parent, tmp_path / "carried")
    return tmp_path / "carried" / "film.mp4"


def test_a_replay_is_identical(film: Path, family: Path) -> None:
    again = film.with_name("again.mp4")
    arguments = ["replay", str(receipt_path(film)), "--models-root", str(family.parent), "--keep", str(again), "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["verdict"] == "identical"
    assert again.read_bytes() == film.read_bytes()
    assert receipt_path(again).is_file()


def test_a_film_of_a_batch_is_replayed_without_the_others(family: Path, tmp_path: Path) -> None:
    requests = [
        GenerationConfig(prompt=prompt, seed=seed, width=32, height=32, num_frames=9, num_inference_steps=2)
        for seed, prompt in enumerate((PROMPT, "A blue bird flies over a meadow at dusk."))
    ]
    films = [tmp_path / "cat.mp4", tmp_path / "bird.mp4"]
    batch = render_batch(requests, Setup(models_dir=family), films, on_progress=lambda *stage: None)
    for film, rendered in zip(films, batch, strict=True):
        film.write_bytes(rendered.mp4)
        receipt_path(film).write_bytes(rendered.receipt.to_json())
        result = CliRunner().invoke(app, ["replay", str(receipt_path(film)), "--model", str(family), "--json"])
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["verdict"] == "identical"


def test_a_receipt_of_another_film_is_told_apart(film: Path, family: Path) -> None:
    content = json.loads(receipt_path(film).read_text())
    receipt_path(film).write_text(json.dumps(content | {"seed": 10}))
    result = CliRunner().invoke(app, ["replay", str(receipt_path(film)), "--model", str(family)])
    assert result.exit_code == 1
    assert "different" in result.stdout


def test_a_changed_film_is_refused(film: Path, family: Path) -> None:
    film.write_bytes(film.read_bytes() + b"\0")
    result = CliRunner().invoke(app, ["replay", str(receipt_path(film)), "--model", str(family)])
    assert result.exit_code == 1
    assert "the film was changed" in result.stderr


def test_a_missing_film_is_refused(film: Path, family: Path) -> None:
    film.unlink()
    result = CliRunner().invoke(app, ["replay", str(receipt_path(film)), "--model", str(family)])
    assert result.exit_code == 1
    assert "put it back" in result.stderr


def test_other_weights_are_refused(film: Path, family: Path, tmp_path: Path) -> None:
    shutil.copytree(family, tmp_path / "tiny")
    words = tmp_path / "tiny" / "words.json"
    words.write_text(words.read_text().replace("beach", "shore"))
    seal(tmp_path / "tiny")
    result = CliRunner().invoke(app, ["replay", str(receipt_path(film)), "--model", str(tmp_path / "tiny")])
    assert result.exit_code == 1
    assert "words.json: got other weights" in result.stderr


def test_another_picture_is_refused(film: Path, family: Path) -> None:
    Image.new("RGB", (40, 40), (1, 2, 3)).save(film.with_name("red.png"))
    result = CliRunner().invoke(app, ["replay", str(receipt_path(film)), "--model", str(family)])
    assert result.exit_code == 1
    assert "red.png: got another file" in result.stderr


def test_what_is_no_receipt_is_refused(film: Path) -> None:
    result = CliRunner().invoke(app, ["replay", str(film)])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
