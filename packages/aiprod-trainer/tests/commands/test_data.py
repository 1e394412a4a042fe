"""`aiprod data` says what it made, and what is kept when it is stopped, and goes on from there."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from aiprod_core.errors import InputError
from aiprod_trainer.commands.data import app
from aiprod_trainer.data.synth import read_manifest

SMALL = ["--width", "32", "--height", "32"]


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["synth", *arguments, *SMALL], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_clips_are_made_once(tmp_path: Path) -> None:
    assert "2 clips, 2 of them made now" in _run("--output", str(tmp_path), "--count", "2", "--level", "2")
    assert "3 clips, 1 of them made now" in _run("--output", str(tmp_path), "--count", "3", "--level", "2")
    assert [row["id"][-8:] for row in read_manifest(tmp_path)] == ["00000000", "00000001", "00000002"]


def test_impossible_orders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="count"):
        _run("--output", str(tmp_path), "--count", "0")
    result = CliRunner().invoke(app, ["synth", "--output", str(tmp_path), "--split", "validation"])
    assert result.exit_code == 2
    assert "validation" in result.output


@pytest.mark.parametrize(("command", "work"), [("latents", "make_latents"), ("trajectories", "make_trajectories")])
def test_a_stop_says_what_is_kept(
    command: str, work: str, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"aiprod_trainer.data.{command}.{work}", stopped)
    result = CliRunner().invoke(app, [command, "--output", str(tmp_path), "--models", str(weights)])
    assert result.exit_code == 130
    assert f"what is finished is kept in {tmp_path}" in " ".join(result.output.split())
