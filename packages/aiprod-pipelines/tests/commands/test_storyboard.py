import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from aiprod_core.errors import AiprodError
from aiprod_pipelines.commands.storyboard import app
from aiprod_pipelines.film.storyboard_file import json_schema, read_storyboard

SENTENCE = "A red cat walks on the beach at sunset"


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit | AiprodError):
        raise result.exception
    return result


def error_of(*arguments: object) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, AiprodError), result.output
    return str(result.exception)


def test_without_a_file_the_yaml_goes_to_stdout(tmp_path: Path) -> None:
    result = run(SENTENCE)
    path = tmp_path / "film.yaml"
    path.write_text(result.stdout)
    assert len(read_storyboard(path).shots) == 3


def test_with_a_file_it_is_written_with_the_schema_and_shown_as_a_table(tmp_path: Path) -> None:
    result = run(SENTENCE, "-o", tmp_path / "cat.yaml", "--seed", 7, "--shots", 4, "--duration", 12)
    assert result.exit_code == 0
    for word in ("establishing", "walking", "dissolve", "4 shots", "aiprod film"):
        assert word in result.stdout
    board = read_storyboard(tmp_path / "cat.yaml")
    assert (board.seed, len(board.shots)) == (7, 4)
    assert sum(shot.duration_s or 0 for shot in board.shots) == pytest.approx(12)
    assert (tmp_path / "storyboard.schema.json").read_text(encoding="utf-8") == json_schema()
    assert "aiprod film cat.yaml -o cat.mp4" in (tmp_path / "cat.yaml").read_text()


def test_the_same_words_give_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        run(SENTENCE, "-o", tmp_path / folder / "film.yaml")
    assert (tmp_path / "a" / "film.yaml").read_bytes() == (tmp_path / "b" / "film.yaml").read_bytes()


def test_a_screenplay_is_read_by_its_suffix(tmp_path: Path) -> None:
    (tmp_path / "a.fountain").write_text("EXT. BEACH - NIGHT\n\nA yellow dog runs.\n\nDOG\n[Wuff] wuff!\n")
    result = run(tmp_path / "a.fountain", "-o", tmp_path / "film.yaml")
    assert "[Wuff] wuff!" in result.stdout
    board = read_storyboard(tmp_path / "film.yaml")
    assert "in a forest" not in (board.shots[1].prompt or "")
    assert "on a beach at night" in (board.shots[1].prompt or "")


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "film.yaml"
    path.write_text("mine")
    assert "--force" in error_of(SENTENCE, "-o", path)
    assert path.read_text() == "mine"
    assert run(SENTENCE, "-o", path, "--force").exit_code == 0
    assert len(read_storyboard(path).shots) == 3


def test_a_storyboard_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "film.yaml"
    path.write_text("shots:\n  - a red cat\n")
    assert "nothing wrong" in run(path, "--check").stdout
    path.write_text("hdr: x\nshots:\n  - prompt: a\n    duration: -1\n")
    result = run(path, "--check")
    assert result.exit_code == 1
    assert [line.split(": ")[2] for line in result.stderr.splitlines()] == ["hdr", "shots[1].duration"]
    facts = json.loads(run(path, "--check", "--json").stdout)
    assert [(one["line"], one["field"]) for one in facts["problems"]] == [(1, "hdr"), (4, "shots[1].duration")]


def test_json_and_schema_are_json() -> None:
    assert len(json.loads(run(SENTENCE, "--json").stdout)["shots"]) == 3
    assert run("--schema").stdout == json_schema()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("...",), "nothing is seen"),
        (("none.fountain",), r"none.fountain: cannot read it"),
        (("film.yaml",), "is a storyboard already"),
        ((SENTENCE, "--shots", 0), "1 to 200"),
        ((SENTENCE, "--scenarist", "cloud"), "rules or local:PATH"),
        ((SENTENCE, "--scenarist", "local:/none"), "no config.json"),
        ((SENTENCE, "-o", "film.txt"), "expected .yaml"),
        ((SENTENCE, "-o", "/none/film.yaml"), "cannot write it"),
        (("film.md", "--check"), "expected a storyboard"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: tuple[object, ...], error: str) -> None:
    assert error in error_of(*arguments)


def test_rules_stand_in_for_a_model_that_fails(tmp_path: Path) -> None:
    result = run(SENTENCE, "--scenarist", f"local:{tmp_path}", "--fallback", "rules", "-o", tmp_path / "film.yaml")
    assert result.exit_code == 0
    assert "written by rules" in result.stderr
    assert len(read_storyboard(tmp_path / "film.yaml").shots) == 3


def test_no_words_are_a_usage_error() -> None:
    assert run().exit_code == 2
