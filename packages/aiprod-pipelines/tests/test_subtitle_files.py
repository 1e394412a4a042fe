"""Subtitle files: written, read, and written again the same; what is damaged is named by its line and cue."""

from pathlib import Path

import pytest

from aiprod_core.errors import InputError, MediaError
from aiprod_pipelines.subtitle_files import encode_subtitles, parse_subtitles, read_subtitles, to_ass, to_srt, to_vtt
from aiprod_pipelines.subtitles import Cue, Line, cues_of

AWKWARD = (
    Cue(start_s=0.0, end_s=0.999, text="Tom & Jerry < 3 > 2"),
    Cue(start_s=1.5, end_s=3.001, text="{not a tag} \\N --> here", speaker="Ann & Co"),
    Cue(start_s=61.04, end_s=64.2, text="How old?\n42"),
    Cue(start_s=3661.999, end_s=3665.0, text="— “Où ça ?”\n- Там, дома. नमस्ते"),
    Cue(start_s=100_000.0, end_s=100_001.0, text="1"),
)


def silent(cues: tuple[Cue, ...]) -> tuple[Cue, ...]:
    """Without who speaks, for which SRT has no place."""
    return tuple(Cue(start_s=cue.start_s, end_s=cue.end_s, text=cue.text) for cue in cues)


def test_srt_to_vtt_to_srt_is_the_same_file() -> None:
    srt = to_srt(AWKWARD)
    vtt = to_vtt(parse_subtitles(srt))
    assert to_srt(parse_subtitles(vtt)) == srt
    assert to_vtt(parse_subtitles(to_vtt(AWKWARD))) == to_vtt(AWKWARD)


def test_what_is_written_is_read() -> None:
    assert parse_subtitles(to_vtt(AWKWARD)) == AWKWARD
    assert parse_subtitles(to_srt(AWKWARD)) == silent(AWKWARD)


@pytest.mark.parametrize("suffix", [".srt", ".vtt", ".ass"])
def test_files_of_every_format_hold_the_words_and_times(tmp_path: Path, suffix: str) -> None:
    cues = cues_of([Line(text="It is I who came, not you.", start_s=1.25, duration_s=2.5, speaker="Ann")])
    path = tmp_path / f"film{suffix}"
    path.write_bytes(encode_subtitles(cues, suffix))
    (read,) = read_subtitles(path)
    assert read.text == cues[0].text
    assert read.start_s == pytest.approx(cues[0].start_s, abs=0.0051)  # ASS counts in hundredths
    assert read.end_s == pytest.approx(cues[0].end_s, abs=0.0051)
    assert read.speaker == ("" if suffix == ".srt" else "Ann")


def test_ass_shows_braces_and_fits_the_picture() -> None:
    text = to_ass(AWKWARD[:4], 1280, 720)
    assert "PlayResX: 1280" in text
    assert "｛not a tag｝" in text


def test_a_real_file_is_read(media: Path) -> None:
    cues = read_subtitles(media / "video" / "friday_1940_dialogue.vtt")
    assert len(cues) == 5
    assert cues[2] == Cue(start_s=1.5, end_s=2.999, text="Tell me, is the lord of the universe in?")
    assert to_srt(parse_subtitles(to_srt(cues))) == to_srt(cues)


def test_what_others_write_is_understood() -> None:
    srt = "1\n00:00:01.000 --> 00:00:02,000\n<i>Hi</i> <b>you</b>\n\n\n00:00:03,000 --> 00:00:04,000\nAgain\n"
    assert [cue.text for cue in parse_subtitles(srt.replace("\n", "\r\n"))] == ["Hi you", "Again"]
    vtt = "WEBVTT - a title\n\nNOTE nothing\nmore\n\nSTYLE\n::cue{}\n\n"
    vtt += "intro\n01:02.500 --> 01:03.000 align:start\n<v.loud Ann>Hi <00:01:02.700>you\n"
    assert parse_subtitles(vtt) == (Cue(start_s=62.5, end_s=63.0, text="Hi you", speaker="Ann"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\n00:00:01,000 --> 00:00:02,000\nHi\n\n2\n00:00:0x,000 --> 00:00:04,000\nNo\n", "f.srt, line 6, cue 2.*0x"),
        ("1\n00:00:05,000 --> 00:00:02,000\nHi\n", "line 2, cue 1.*end at 2 s.*start at 5 s"),
        ("just words\n", "line 2, cue 1.*'just words'"),
        ("", "line 1: got no cue"),
    ],
)
def test_damage_is_named_by_file_line_and_cue(text: str, message: str) -> None:
    with pytest.raises(MediaError, match=message):
        parse_subtitles(text, "f.srt")


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_bytes(b"1\n\xff\xfe")
    (tmp_path / "a.ass").write_text("nothing")
    (tmp_path / "a.txt").write_text("nothing")
    for name, message in (("a.srt", "UTF-8"), ("a.ass", "ASS"), ("a.txt", "'.txt'"), ("absent.srt", "no such file")):
        with pytest.raises(MediaError, match=message):
            read_subtitles(tmp_path / name)
    with pytest.raises(InputError, match=r"'\.sub'"):
        encode_subtitles(AWKWARD, ".sub")
