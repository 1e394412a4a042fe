import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import opentimelineio as otio
import pytest
import typer
from typer.testing import CliRunner, Result

from aiprod_pipelines.commands.montage import app, parse_rate
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.media import Clip, write_clip
from aiprod_pipelines.montage import timeline as timelines
from aiprod_pipelines.montage import vocabulary
from aiprod_pipelines.montage.titles import Title
from aiprod_pipelines.montage.transitions import Transition

RATE = Fraction(25)


@pytest.fixture
def cut(tmp_path: Path, clip: Clip) -> Path:
    """A timeline of two clips with a dissolve, a title over it, and its media in a folder of its own."""
    (tmp_path / "rushes").mkdir()
    write_clip(clip, tmp_path / "rushes" / "disc.mp4")
    timeline = otio.schema.Timeline("Two discs")
    track, over = (otio.schema.Track(kind=otio.schema.TrackKind.Video) for _ in range(2))
    for start in (0, 5):
        reference = otio.schema.ExternalReference(target_url="file:///elsewhere/disc.mp4")
        span = vocabulary.range_at(start, 15, RATE)
        track.append(otio.schema.Clip(name="disc", media_reference=reference, source_range=span))
    track.insert(1, vocabulary.to_transition(Transition(), 4, 4, RATE))
    over.append(vocabulary.to_title(Title(text="Disc"), 10, RATE))
    timeline.tracks.extend([track, over])
    timelines.write(timeline, tmp_path / "cut.otio")
    return tmp_path / "cut.otio"


def invoke(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_timeline_becomes_a_film(cut: Path) -> None:
    out = cut.with_name("film.mp4")
    result = invoke(cut, "-o", out, "--media", cut.parent / "rushes", "--profile", "preview", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert (facts["frames"], facts["frame_rate"], facts["size_px"]) == (30, "25", [64, 48])
    film = Footage.open(out)
    assert (film.num_frames, film.width_px, film.height_px, film.has_sound) == (30, 64, 48, True)
    with av.open(str(out)) as container:
        assert container.metadata["title"] == "Two discs"


def test_size_rate_fit_and_silence_are_followed(cut: Path) -> None:
    out = cut.with_name("film.mp4")
    wishes = ["--size", "96x96", "--frame-rate", "29.97", "--fit", "fit", "--silent", "--profile", "preview"]
    assert invoke(cut, "-o", out, "--media", cut.parent, *wishes).exit_code == 0
    film = Footage.open(out)
    assert (film.num_frames, film.frame_rate, film.has_sound) == (36, Fraction(30_000, 1001), False)
    first = next(film.frames(30))
    assert first[:10].max() < 20
    assert first[40:56].mean() > 60


def test_loudness_is_brought_to_where_it_is_asked(cut: Path) -> None:
    quiet, loud = cut.with_name("quiet.mov"), cut.with_name("loud.mov")
    for out, lufs in ((quiet, "-30"), (loud, "-16")):
        wishes = ["--profile", "prores422", "--loudness", lufs]
        assert invoke(cut, "-o", out, "--media", cut.parent, *wishes).exit_code == 0
    rms = []
    for out in (quiet, loud):
        sound = Footage.open(out).sound()
        assert sound is not None
        rms.append(float(np.sqrt((sound.samples**2).mean())))
    assert 20 * np.log10(rms[1] / rms[0]) == pytest.approx(14, abs=0.7)


def test_a_timeline_is_exported_and_what_is_left_out_said(cut: Path) -> None:
    out = cut.with_name("cut.edl")
    result = invoke(cut, "--export", out)
    assert result.exit_code == 0
    assert "V2: an EDL holds one picture track" in result.stderr
    assert "D 008" in out.read_text()


def test_check_lists_all_and_fails_where_media_is_missing(cut: Path) -> None:
    found = invoke(cut, "--check", "--media", cut.parent, "--json")
    assert found.exit_code == 0
    facts = json.loads(found.stdout)
    assert [row["kind"] for row in facts["rows"]] == ["clip", "transition", "clip", "clip"]
    assert facts["missing"] == []
    lost = invoke(cut, "--check")
    assert lost.exit_code == 1
    assert "missing: file:///elsewhere/disc.mp4" in lost.stderr


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ([], "expected one of them"),
        (["-o", "film.mov"], "expected .mp4"),
        (["-o", "gone/film.mp4", "--media", "rushes"], "cannot write it"),
        (["-o", "film.mp4"], "clip 'disc'"),
        (["-o", "film.mp4", "--media", "rushes", "--sequence", "x"], "'Two discs'"),
        (["-o", "film.mp4", "--media", "rushes", "--size", "63x48"], "even size"),
        (["--export", "cut.avi"], ".fcpxml"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    cut: Path, monkeypatch: pytest.MonkeyPatch, wishes: list[str], said: str
) -> None:
    monkeypatch.chdir(cut.parent)
    before = sorted(cut.parent.iterdir())
    result = invoke(cut.name, *wishes)
    assert result.exit_code == 1
    assert said in str(result.exception)
    assert sorted(cut.parent.iterdir()) == before


def test_rates_are_read_as_people_write_them() -> None:
    assert [parse_rate(words) for words in ("25", "23.976", "29.97", "24000/1001")] == [
        Fraction(25),
        Fraction(24_000, 1001),
        Fraction(30_000, 1001),
        Fraction(24_000, 1001),
    ]
    for words in ("fast", "1/0"):
        with pytest.raises(typer.BadParameter, match="expected a rate"):
            parse_rate(words)
