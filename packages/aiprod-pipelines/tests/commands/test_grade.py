import json
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorTrc
from PIL import Image
from typer.testing import CliRunner, Result

from aiprod_core.errors import AiprodError, InputError, MediaError
from aiprod_pipelines.color import exr, lut
from aiprod_pipelines.color.grade import Cdl, Grade
from aiprod_pipelines.color.grader import Grader
from aiprod_pipelines.color.looks import LOOKS
from aiprod_pipelines.commands.grade import app
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.media import Clip, write_clip
from aiprod_pipelines.picture import Encoding


@pytest.fixture
def given(clip: Clip, tmp_path: Path) -> Path:
    """A film of nine frames of 64×48 px with sound."""
    path = tmp_path / "given.mp4"
    write_clip(
        Clip(clip.frames[:9], clip.frame_rate_hz, clip.audio[:, :8640] if clip.audio is not None else None), path
    )
    return path


def grade(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)


def refused(kind: type[AiprodError], match: str, *words: object) -> None:
    result = grade(*words)
    assert result.exit_code != 0
    with pytest.raises(kind, match=match):
        raise result.exception or AssertionError


def test_a_look_is_given_to_every_frame_and_the_sound_stays(given: Path, tmp_path: Path) -> None:
    out = tmp_path / "noir.mp4"
    assert grade(given, "-o", out, "--look", "noir").exit_code == 0
    before, after = Footage.open(given), Footage.open(out)
    assert (after.num_frames, after.format) == (before.num_frames, before.format)
    expected = Grader(Grade(look="noir"))(next(before.frames()))
    assert np.abs(next(after.frames()).astype(int) - expected).mean() < 3
    sounds = before.sound(), after.sound()
    assert sounds[0] is not None
    assert sounds[1] is not None
    length = min(sound.samples.shape[1] for sound in sounds if sound is not None)
    a, b = (sound.samples.mean(axis=0)[:length] for sound in sounds if sound is not None)
    assert np.corrcoef(a, b)[0, 1] > 0.99


def test_all_options_make_one_grade(given: Path, tmp_path: Path) -> None:
    table, decisions, still = tmp_path / "t.cube", tmp_path / "d.cc", tmp_path / "still.png"
    steps = np.linspace(0, 1, 5, dtype=np.float32)
    table.write_bytes(
        lut.encode_cube(np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1) ** 2, title="t")
    )
    decisions.write_bytes(lut.encode_cdl(Cdl(slope=(1.1, 1, 0.9), saturation=0.5), ".cc", name="d"))
    Image.fromarray(np.full((20, 20, 3), (200, 150, 90), np.uint8)).save(still)
    words = ["--look", "sepia", "--look-strength", 0.5, "--lut", f"{table}:0.25", "--cdl", decisions, "--exposure", 0.3]
    result = grade(given, "-o", tmp_path / "out.mp4", *words, "--match", still, "--match-strength", 0.5, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["written"] == [str(tmp_path / "out.mp4")]
    facts = told["grade"]
    assert facts.pop("match")["gain"]
    assert facts == {
        "exposure_stops": 0.3,
        "cdl": {"slope": [1.1, 1.0, 0.9], "saturation": 0.5},
        "look": "sepia",
        "look_strength": 0.5,
        "lut": str(table),
        "lut_strength": 0.25,
    }


@pytest.mark.parametrize(("hdr", "curve"), [("pq", ColorTrc.SMPTE2084), ("hlg", ColorTrc.ARIB_STD_B67)])
def test_hdr_is_tagged_and_comes_back_to_sdr(hdr: str, curve: ColorTrc, given: Path, tmp_path: Path) -> None:
    out, back = tmp_path / "hdr.mp4", tmp_path / "sdr.mp4"
    assert grade(given, "-o", out, "--hdr", hdr).exit_code == 0
    with av.open(str(out)) as container:
        assert container.streams.video[0].codec_context.color_trc == curve
    assert Footage.open(out).encoding is Encoding(hdr)
    assert grade(out, "-o", back).exit_code == 0
    frames = [next(Footage.open(path).frames()).astype(int) for path in (given, back)]
    assert np.abs(frames[0] - frames[1]).mean() < 6  # two encodings and two transforms there and back


def test_a_match_can_follow_the_clip(given: Path, tmp_path: Path) -> None:
    still, out = tmp_path / "still.png", tmp_path / "out.mp4"
    Image.fromarray(np.full((20, 20, 3), (200, 150, 90), np.uint8)).save(still)
    assert grade(given, "-o", out, "--match", still, "--match-window", 0.1).exit_code == 0
    before, after = (np.stack(list(Footage.open(path).frames())).mean(axis=(0, 1, 2)) for path in (given, out))
    assert np.abs(after - (200, 150, 90)).mean() < 0.5 * np.abs(before - (200, 150, 90)).mean()


def test_exr_is_a_sequence(given: Path, tmp_path: Path) -> None:
    assert grade(given, "-o", tmp_path / "shot.exr", "--hdr", "pq").exit_code == 0
    assert len(list(tmp_path.glob("shot.*.exr"))) == 9
    assert exr.read(tmp_path / "shot.000009.exr").light.shape == (48, 64, 3)


@pytest.mark.parametrize("suffix", [".cube", ".clf"])
def test_a_grade_is_exported_as_a_table_without_a_clip(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"noir{suffix}"
    assert grade("--look", "noir", "--export-lut", path).exit_code == 0
    shown = lut.read(path)(np.array([[0.2, 0.6, 0.4]], np.float32))
    assert np.ptp(shown) < 1e-4
    expected = Grader(Grade(look="noir"), cube=None).chain(np.array([[0.2, 0.6, 0.4]], np.float32))
    np.testing.assert_allclose(shown, expected, atol=2e-3)


def test_looks_are_listed_and_shown(given: Path, tmp_path: Path) -> None:
    listed = grade("--list-looks")
    assert all(name in listed.stdout for name in LOOKS)
    assert set(json.loads(grade("--list-looks", "--json").stdout)) == set(LOOKS)
    assert grade("--looks-sheet", given, "-o", tmp_path / "sheet.png").exit_code == 0
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 1000


def test_the_same_grade_is_the_same_film(given: Path, tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        assert grade(given, "-o", tmp_path / name, "--look", "neon").exit_code == 0
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_bad_requests_are_named_and_leave_nothing(given: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    refused(InputError, "no clip", "-o", out)
    refused(InputError, "no --output-path", given)
    refused(InputError, "look: got 'golden'", given, "-o", out, "--look", "golden")
    refused(InputError, "--lut: got strength 'x'", given, "-o", out, "--lut", "film.cube:x")
    refused(InputError, "lut_strength", given, "-o", out, "--lut", "film.cube:2")
    refused(MediaError, "film.cube: cannot read", given, "-o", out, "--lut", "film.cube")
    refused(MediaError, "shot.cc: cannot read", given, "-o", out, "--cdl", "shot.cc")
    refused(MediaError, "gone.png: got no such file", given, "-o", out, "--match", "gone.png")
    refused(InputError, "expected .mov", given, "-o", out, "--profile", "prores422")
    refused(InputError, "profile web: got frames in pq", given, "-o", out, "--hdr", "pq", "--profile", "web")
    refused(InputError, "unknown kind of table", "--export-lut", tmp_path / "x.png")
    refused(InputError, "got no clip, expected the film to match", "--export-lut", out, "--match", given)
    refused(InputError, "--match-window: got no --match", given, "-o", out, "--match-window", 1)
    refused(InputError, "match that changes over time", given, "--export-lut", "a.cube", "--match-window", 1)
    refused(MediaError, "cannot write", given, "-o", tmp_path / "gone" / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["given.mp4"]


def test_damaged_files_are_named_and_leave_nothing(media: Path, given: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    for name in ("random_bytes.mp4", "zero_length.mp4", "truncated_60pct.mp4"):
        refused(MediaError, name, media / "corrupt" / name, "-o", out, "--look", "noir")
    for name in ("lut_truncated.cube", "lut_truncated.3dl"):
        refused(MediaError, name, given, "-o", out, "--lut", media / "corrupt" / name)
    assert [path.name for path in tmp_path.iterdir()] == ["given.mp4"]
