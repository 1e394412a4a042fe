"""`aiprod audio`: a film's sound becomes codes and sound again; what cannot be is said, and leaves no file."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from aiprod_core.errors import AiprodError, InputError, MediaError, WeightsError
from aiprod_pipelines.commands.audio import app
from aiprod_pipelines.sound.file import read_sound_file


@pytest.fixture
def codes(tmp_path: Path, film: Path, weights: Path) -> Path:
    run("encode", film, "-o", tmp_path / "film.nac", "--model", weights)
    return tmp_path / "film.nac"


def run(*words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def facts(*words: object) -> dict[str, Any]:
    return json.loads(run(*words, "--json"))  # type: ignore[no-any-return]


def test_sound_becomes_codes_and_sound_again(tmp_path: Path, codes: Path, film: Path, weights: Path) -> None:
    assert codes.stat().st_size == 30 + 8 * 43, "8 bytes for each 25th of 1.7 seconds"
    again = tmp_path / "again.wav"
    said = run("decode", codes, "-o", again, "--model", weights)
    assert said.strip().endswith("1.70 s, 163256 bytes; 8 codebooks, 1.62 kb/s")
    sound = read_sound_file(again, rate_hz=24_000)
    assert sound.samples.shape == read_sound_file(film, rate_hz=24_000).samples.shape


def test_fewer_codebooks_are_a_smaller_file(tmp_path: Path, film: Path, weights: Path) -> None:
    path = tmp_path / "film.nac"
    told = facts("encode", film, "-o", path, "--codebooks", 2, "--model", weights)
    assert told == {
        "written": str(path),
        "size_bytes": 30 + 2 * 43,
        "duration_s": pytest.approx(1.7, abs=1e-4),
        "codebooks": 2,
        "bits_per_s": pytest.approx(2 * 8 * 43 / 1.7, rel=1e-3),
    }


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (("encode", "FILM", "-o", "OUT.wav"), InputError, r"got the ending '\.wav', expected \.nac"),
        (("decode", "CODES", "-o", "OUT.mp3"), InputError, r"got the ending '\.mp3', expected \.wav"),
        (("encode", "FILM", "-o", "OUT.nac", "--codebooks", "9"), InputError, "codebooks: got 9, expected 1 to 8"),
        (("encode", "CODES", "-o", "OUT.nac"), MediaError, "damaged or foreign"),
        (("decode", "FILM", "-o", "OUT.wav"), MediaError, "another kind"),
        (("decode", "CUT", "-o", "OUT.wav"), MediaError, "cut off or damaged"),
        (("encode", "FILM", "-o", "no folder/OUT.nac"), MediaError, "cannot write it"),
    ],
)
def test_what_cannot_be_is_said_and_leaves_no_file(
    tmp_path: Path, codes: Path, film: Path, words: tuple[str, ...], error: type[AiprodError], said: str
) -> None:
    cut = tmp_path / "cut.nac"
    cut.write_bytes(codes.read_bytes()[:-7])
    known = {"FILM": str(film), "CODES": str(codes), "CUT": str(cut)}
    asked = [known.get(word, str(tmp_path / word) if "OUT" in word else word) for word in words]
    with pytest.raises(error, match=said):
        CliRunner().invoke(app, asked, catch_exceptions=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.nac", "film.nac"]


def test_weights_without_codebooks_say_so(tmp_path: Path, family: Path, film: Path) -> None:
    with pytest.raises(WeightsError, match=r"nac_rvq\.safetensors is missing"):
        CliRunner().invoke(
            app, ["encode", str(film), "-o", str(tmp_path / "a.nac"), "--model", str(family)], catch_exceptions=False
        )
