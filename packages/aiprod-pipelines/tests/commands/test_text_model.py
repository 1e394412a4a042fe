"""Weights that read through a language model, on the command line: generated, proven, refused where they must be."""

import json
from pathlib import Path

import pytest
from tiny_family import PROMPT
from tiny_language_model import write_bridged_family, write_language_model
from typer.testing import CliRunner

from aiprod_core.errors import InputError
from aiprod_core.language_model import folder_digest
from aiprod_pipelines.cli import app
from aiprod_pipelines.film.shots import Renderer
from aiprod_pipelines.proof.paper import receipt_path
from aiprod_pipelines.proof.receipt import read_receipt

SMALL = ["--width", "32", "--height", "32", "--num-frames", "9", "--num-inference-steps", "2", "--threads", "1"]


@pytest.fixture(scope="module", name="language")
def _language(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("language") / "tiny-gemma"
    write_language_model(folder)
    return folder


@pytest.fixture(scope="module", name="bridged")
def _bridged(tmp_path_factory: pytest.TempPathFactory, language: Path) -> Path:
    folder = tmp_path_factory.mktemp("bridged") / "bridged"
    write_bridged_family(folder, language)
    return folder


@pytest.fixture(scope="module", name="film")
def _film(bridged: Path, language: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    film = tmp_path_factory.mktemp("films") / "film.mp4"
    result = _run("generate", PROMPT, *SMALL, "--model", bridged, "--text-model", language, "--output-path", film)
    assert result[0] == 0, result[1]
    return film


def _run(*arguments: object) -> tuple[int, str, str]:
    """Exit code, what was said, what was written; within generate and replay any call to the network is an error."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output + str(result.exception or ""), result.stdout


def test_the_receipt_names_the_language_model_and_not_where_it_lies(film: Path, language: Path) -> None:
    receipt = read_receipt(receipt_path(film))
    assert receipt.model.language_model is not None
    assert receipt.model.language_model.name == "tiny-gemma"
    assert receipt.model.language_model.sha256 == folder_digest(language)
    assert "transformers" in receipt.code.libraries
    assert str(language.parent) not in receipt_path(film).read_text()


def test_a_replay_asks_for_the_language_model_and_is_identical(film: Path, bridged: Path, language: Path) -> None:
    replay = ("replay", receipt_path(film), "--model", bridged, "--json")
    code, said, written = _run(*replay, "--text-model", language)
    assert code == 0, said
    assert json.loads(written)["verdict"] == "identical"
    code, said, _ = _run(*replay)
    assert code == 1
    assert "language model: got none, expected tiny-gemma" in said


def test_a_language_model_that_nobody_asks_is_refused(family: Path, language: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    code, said, _ = _run("generate", PROMPT, *SMALL, "--model", family, "--text-model", language, "--output-path", film)
    assert code == 1
    assert "expected none: the text encoder" in said
    assert not film.exists()


def test_there_is_no_estimate_and_no_film_of_them_yet(bridged: Path, language: Path, tmp_path: Path) -> None:
    limited = ("--max-memory", "1GiB", "--output-path", tmp_path / "film.mp4")
    code, said, _ = _run("generate", PROMPT, *SMALL, "--model", bridged, "--text-model", language, *limited)
    assert code == 1
    assert "max-memory: got it with LTX-2, --text-model" in said
    with pytest.raises(InputError, match=r"which read through a language model, expected ones with a text encoder"):
        Renderer.of(str(bridged), "draft", (64, 64), models_root=None)
