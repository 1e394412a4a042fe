"""`aiprod mix`: mixes, lists, measures; refuses what cannot be, and leaves nothing half-written."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from aiprod_core.errors import AiprodError, InputError, MediaError
from aiprod_pipelines.commands.mix import app
from aiprod_pipelines.picture import SOUND_RATE_HZ, Sound
from aiprod_pipelines.sound.ambience import BEDS
from aiprod_pipelines.sound.effects import LIBRARY
from aiprod_pipelines.sound.file import read_sound_file, write_wav


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    """A second of something like a voice, at 24 kHz."""
    at_s = np.arange(24_000) / 24_000
    write_wav(tmp_path / "voice.wav", Sound((0.2 * np.sin(2 * np.pi * 220 * at_s)).astype(np.float32)[None], 24_000))
    return tmp_path / "voice.wav"


def run(*words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_whole_mix_has_its_length_its_loudness_and_its_channels(tmp_path: Path, voice: Path) -> None:
    out = tmp_path / "out.wav"
    said = run(
        *("-o", out, "--dialogue", f"{voice}@1.5", "--music", "mood:calm,90", "--ambience", "rain"),
        *("--effect", "thunder@1,-6", "--duration", 4, "--channels", "5.1", "--json"),
    )
    facts, sound = json.loads(said), read_sound_file(out)
    assert sound.samples.shape == (6, 4 * SOUND_RATE_HZ)
    assert facts["integrated_lufs"] == pytest.approx(-16, abs=0.3)
    assert facts["true_peak_dbtp"] <= -1
    centre = np.square(sound.samples[2].reshape(8, -1)).mean(axis=1)
    assert centre[3:5].min() > 100 * max(centre[0], 1e-9), "the voice is in the middle, when it was placed"


def test_the_end_of_what_ends_is_the_end_of_the_mix(tmp_path: Path, voice: Path) -> None:
    out = tmp_path / "out.wav"
    run("-o", out, "--dialogue", f"{voice}@0.5", "--ambience", "room", "--loudness", -23, "--channels", "mono")
    assert read_sound_file(out).samples.shape == (1, round(1.5 * SOUND_RATE_HZ))


def test_files_serve_as_music_effects_and_ambience_and_end_softly(tmp_path: Path, voice: Path) -> None:
    out = tmp_path / "out.wav"
    run("-o", out, "--music", voice, "--effect", f"{voice}@0.2", "--ambience", f"{voice}@-0.1,-3", "--duration", 0.9)
    samples = read_sound_file(out).samples
    assert samples.shape == (2, round(0.9 * SOUND_RATE_HZ))


def test_the_same_options_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        run("-o", tmp_path / name, "--effect", "bell@0.1", "--effect", "knock@0.2", "--seed", 7)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_the_list_names_all_there_is() -> None:
    facts = json.loads(run("--list-effects", "--json"))
    assert set(facts["effects"]) == set(LIBRARY)
    assert set(facts["ambience"]) == set(BEDS)
    assert "calm" in facts["moods"]
    assert "thunder" in run("--list-effects")


def test_measuring_says_what_a_file_is(tmp_path: Path, voice: Path) -> None:
    facts = json.loads(run("--measure", voice, "--json"))
    assert facts["integrated_lufs"] == pytest.approx(-17.7, abs=0.3)
    assert facts["true_peak_dbtp"] == pytest.approx(-14, abs=0.3)
    assert facts["range_lu"] is None
    assert "LUFS" in run("--measure", voice)
    write_wav(tmp_path / "short.wav", Sound(np.zeros((1, 100), np.float32)))
    assert "too short" in run("--measure", tmp_path / "short.wav")
    assert json.loads(run("--measure", tmp_path / "short.wav", "--json"))["true_peak_dbtp"] is None


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ((), InputError, "-o, --measure"),
        (("-o", "a.wav"), InputError, "nothing to mix"),
        (("-o", "a.wav", "--ambience", "rain"), InputError, "--duration"),
        (("-o", "a.mp3", "--effect", "bell"), InputError, "expected .wav"),
        (("-o", "a.wav", "--effect", "bel"), InputError, "try bell"),
        (("-o", "a.wav", "--music", "mood:angry", "--duration", "2"), InputError, "'angry'"),
        (("-o", "a.wav", "--music", "mood:calm,900", "--duration", "2"), InputError, "900 beats"),
        (("-o", "a.wav", "--dialogue", "absent.wav@1"), MediaError, "absent.wav: got no such file"),
        (("-o", "absent/a.wav", "--effect", "bell"), MediaError, "absent/a.wav"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    error: type[AiprodError],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_is_named(tmp_path: Path, media: Path) -> None:
    broken = media / "corrupt" / "random_bytes.mp4"
    with pytest.raises(MediaError, match=r"random_bytes\.mp4"):
        CliRunner().invoke(app, ["-o", str(tmp_path / "a.wav"), "--dialogue", str(broken)], catch_exceptions=False)
    assert not list(tmp_path.iterdir())
