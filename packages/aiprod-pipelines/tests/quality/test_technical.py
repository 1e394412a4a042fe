"""The inspection as a whole: on real media (benchmarks/qa.py holds what was planted), and on films made on the spot."""

import dataclasses
import importlib.util
import sys
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest

from aiprod_core.errors import MediaError
from aiprod_pipelines.commands.qa import examine
from aiprod_pipelines.delivery.encode import deliver
from aiprod_pipelines.delivery.profiles import Profile
from aiprod_pipelines.picture import Format, Frame, Sound
from aiprod_pipelines.quality.finding import Code, Expected, Severity
from aiprod_pipelines.quality.technical import inspect

BENCHMARK = Path(__file__).parents[4] / "benchmarks" / "qa.py"
RATE = Fraction(25)
QUICK = {
    *(f"derived/{name}.mp4" for name in ("black_insert", "frozen", "letterbox", "scene_cuts", "single_frame")),
    *(f"derived/{name}.mp4" for name in ("talk_av_offset", "talk_clipped_audio", "talk_silent_track", "vfr")),
    *(f"derived/{name}.mp4" for name in ("odd_321x181_444", "tiny_96x54_8fps", "watermark")),
    *(f"derived/{name}.wav" for name in ("silence_2s", "speech_snr+20dB", "speech_snr+5dB", "speech_snr-5dB")),
    *(f"video/{name}.mp4" for name in ("nasa_webb_mirror", "gen_toy_ship")),
    *("video/asl_walk_face.mkv", "video/keyboard_rot90.mov", "speech/LJ001-0002.wav", "audio/fx/t_rex_roar.mp3"),
    *("timeline/simple_cut.otio", "lut/cdl_test1.cc", "image/coffee.png"),
}


@pytest.fixture(scope="module")
def benchmark_qa() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_qa", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["benchmark_qa"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def _check(benchmark: ModuleType, media: Path, quick: bool) -> None:
    checked = 0
    for case in benchmark.cases(media):
        name = str(case.path.relative_to(media))
        if quick and name not in QUICK and not name.startswith("corrupt"):
            continue
        report = examine(case.path, case.reference)
        assert case.found(report), f"{name}: {case.planted} was missed: {report.findings}"
        assert not benchmark.false_alarms(case, report), f"{name}: {report.faults}"
        checked += 1
    assert checked >= len(QUICK) + 16


def test_planted_faults_are_found_and_clean_files_pass(benchmark_qa: ModuleType, media: Path) -> None:
    _check(benchmark_qa, media, quick=True)


@pytest.mark.slow
def test_planted_faults_are_found_and_clean_files_pass_in_all_media(benchmark_qa: ModuleType, media: Path) -> None:
    _check(benchmark_qa, media, quick=False)


def scene(frames: int, *, seed: int = 0, w: int = 320, h: int = 240) -> list[Frame]:
    """Patches that drift: motion in every frame."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(30, 230, (h // 32 + 2, (w + 4 * frames) // 32 + 2, 3)).astype(np.uint8)
    wide = coarse.repeat(32, axis=0).repeat(32, axis=1)
    return [np.ascontiguousarray(wide[:h, 4 * t : 4 * t + w]) for t in range(frames)]


def tone(frames: int, level: float = 0.3, rate: Fraction = RATE) -> Sound:
    samples = level * np.sin(np.arange(round(frames / rate * 48_000)) * 0.05)
    return Sound(np.stack([samples, samples]).astype(np.float32))


def make(path: Path, frames: list[Frame], sound: Sound | None) -> Path:
    h, w, _ = frames[0].shape
    deliver(path, frames, Format(width_px=w, height_px=h, frame_rate=RATE), Profile.PREVIEW, sound=sound)
    return path


def test_a_sound_film_of_ours_has_nothing_but_its_cut(tmp_path: Path) -> None:
    path = make(tmp_path / "film.mp4", scene(30) + scene(30, seed=1), tone(60))
    report = inspect(path, expected=Expected(size_px=(320, 240), duration_s=2.4, frame_rate=RATE, sound=True))
    (cut,) = report.findings
    assert (cut.code, cut.severity) == (Code.CUT, Severity.NOTE)
    assert cut.start_s == pytest.approx(1.2)
    assert report.facts["colour_tags"] == "bt709 / bt709 / itu709"
    assert report.facts["frames"] == 60
    assert 8 <= len(report.thumbnails) <= 12
    assert max(report.waveform) == pytest.approx(0.3, abs=0.02)


def test_without_thumbnails_all_else_is_the_same(tmp_path: Path) -> None:
    path = make(tmp_path / "film.mp4", scene(30), tone(30))
    whole, bare = inspect(path), inspect(path, thumbnails=False)
    assert bare == dataclasses.replace(whole, thumbnails=())
    assert whole.thumbnails


def test_what_is_expected_and_not_there_is_a_fault(tmp_path: Path) -> None:
    path = make(tmp_path / "film.mp4", scene(30), None)
    wanted = Expected(size_px=(640, 480), duration_s=2.0, frame_rate=Fraction(24), codec="hevc", sound=True)
    sentences = [fault.sentence for fault in inspect(path, expected=wanted).faults]
    assert sentences == [
        "size: got 320×240 px, expected 640×480 px.",
        "frame rate: got 25, expected 24.",
        "codec: got h264, expected hevc.",
        "duration: got 1.200 s, expected 2 s.",
        "There is no sound, and one is expected.",
    ]


def test_bars_are_a_fault_where_the_whole_frame_is_expected(tmp_path: Path) -> None:
    frames = scene(25)
    for frame in frames:
        frame[:30] = frame[-30:] = 0
    path = make(tmp_path / "film.mp4", frames, None)
    (bars,) = (finding for finding in inspect(path).findings if finding.code is Code.BARS)
    assert bars.severity is Severity.WARNING
    assert bars.region_px is not None
    assert np.abs(np.array(bars.region_px) - (0, 30, 320, 180)).max() <= 1
    assert "bars" in inspect(path, expected=Expected(full_frame=True)).faults[0].sentence


def test_sound_that_ends_long_after_the_picture_or_begins_late_is_told(tmp_path: Path) -> None:
    report = inspect(make(tmp_path / "film.mp4", scene(25), tone(60)))
    assert {finding.code for finding in report.findings} == {Code.LENGTHS_DIFFER}
    make(tmp_path / "late.mkv", scene(25), tone(25))
    with av.open(str(tmp_path / "late.mkv")) as source, av.open(str(tmp_path / "moved.mkv"), "w") as target:
        streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is None or packet.pts is None or packet.time_base is None:
                continue
            if packet.stream.type == "audio":
                packet.pts = packet.dts = packet.pts + round(0.3 / packet.time_base)
            packet.stream = streams[packet.stream.index]
            target.mux(packet)
    (late,) = (f for f in inspect(tmp_path / "moved.mkv").findings if f.code is Code.START_OFFSET)
    assert late.value == pytest.approx(0.3, abs=0.03)


def test_a_file_that_is_not_there_is_an_error_and_one_that_is_nothing_a_report(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no such file"):
        inspect(tmp_path / "none.mp4")
    (tmp_path / "text.mp4").write_text("no film")
    report = inspect(tmp_path / "text.mp4")
    assert [fault.code for fault in report.faults] == [Code.UNREADABLE]
    assert "text.mp4" in report.faults[0].sentence


def test_a_damaged_film_is_told_where(tmp_path: Path) -> None:
    path = make(tmp_path / "film.mp4", scene(50), None)
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 4
    middle = start + (len(content) - start) // 2
    content[middle : middle + 400] = bytes(400)
    path.write_bytes(content)
    (damage,) = inspect(path).faults
    assert damage.code is Code.DAMAGED
    assert damage.start_s is not None
    assert 0.4 < damage.start_s < 1.6


def test_the_same_file_gives_the_same_report(tmp_path: Path) -> None:
    path = make(tmp_path / "film.mp4", scene(25), tone(25))
    assert inspect(path) == inspect(path)
