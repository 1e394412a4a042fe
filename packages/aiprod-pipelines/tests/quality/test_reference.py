from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from aiprod_pipelines.delivery.encode import deliver
from aiprod_pipelines.delivery.profiles import Profile
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.picture import Format, Frame, Sound
from aiprod_pipelines.quality.finding import Code, Report, Severity
from aiprod_pipelines.quality.technical import inspect


@pytest.fixture(scope="module")
def shot(media: Path) -> list[Frame]:
    footage = Footage.open(media / "video" / "bbb_wakeup_720p.mp4")
    return list(footage.frames(20, 70, size_px=(320, 180)))


@pytest.fixture(scope="module")
def speech(media: Path) -> Sound:
    sound = Footage.open(media / "video" / "friday_1940_dialogue.mp4").sound()
    assert sound is not None
    return Sound(np.ascontiguousarray(10 * sound.samples[:, : 2 * 48_000]))


def make(path: Path, frames: Sequence[Frame], sound: Sound | None, *, rate: int = 25) -> Path:
    h, w, _ = frames[0].shape
    deliver(path, frames, Format(width_px=w, height_px=h, frame_rate=Fraction(rate)), Profile.WEB, sound=sound)
    return path


@pytest.fixture(scope="module")
def original(shot: list[Frame], speech: Sound, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("reference") / "original.mp4", shot, speech)


def faults(report: Report) -> list[Code]:
    return [fault.code for fault in report.faults]


def test_a_film_is_its_own_equal(original: Path) -> None:
    report = inspect(original, against=original)
    assert faults(report) == []
    assert report.facts["psnr_db"] == pytest.approx(138, abs=1)
    assert report.facts["ssim"] == 1
    assert report.facts["sound_late_s"] == 0


def test_smaller_coded_again_and_from_the_middle_it_is_a_near_duplicate(
    shot: list[Frame], original: Path, tmp_path: Path
) -> None:
    small = [np.asarray(Image.fromarray(frame).resize((240, 136))) for frame in shot[10:40]]
    report = inspect(make(tmp_path / "part.mp4", small, None), against=original)
    assert faults(report) == []
    assert Code.NEAR_DUPLICATE in {finding.code for finding in report.findings}
    assert report.facts["reference_offset_s"] == pytest.approx(0.4, abs=1e-3)


def test_another_film_is_unlike(original: Path, media: Path) -> None:
    report = inspect(media / "video" / "gen_hiker_peak.mp4", against=original)
    assert faults(report) == [Code.UNLIKE]


@pytest.mark.parametrize("place", [(8, 8), (180, 140), (120, 80)])
def test_what_is_laid_over_is_found_where_it_lies(
    place: tuple[int, int], shot: list[Frame], original: Path, tmp_path: Path
) -> None:
    marked = []
    for frame in shot:
        picture = Image.fromarray(frame)
        ImageDraw.Draw(picture).text(place, "STUDIO COPY", fill=(255, 255, 255), font_size=18)
        marked.append(np.asarray(picture))
    report = inspect(make(tmp_path / "marked.mp4", marked, None), against=original)
    assert faults(report) == [Code.OVERLAY]
    region = report.faults[0].region_px
    assert region is not None
    assert abs(region[0] - place[0]) <= 16
    assert abs(region[1] - place[1]) <= 16
    assert region[2] < 140


def test_blur_is_a_fault_and_a_grade_is_not(shot: list[Frame], original: Path, tmp_path: Path) -> None:
    soft = [gaussian_filter(frame, (4, 4, 0)) for frame in shot]
    report = inspect(make(tmp_path / "soft.mp4", soft, None), against=original)
    assert faults(report) == [Code.BLURRED]
    warm = [(frame * [0.9, 0.8, 0.65] + [12, 0, 0]).astype(np.uint8) for frame in shot]
    assert faults(inspect(make(tmp_path / "warm.mp4", warm, None), against=original)) == []


@pytest.mark.parametrize("late_s", [-0.2, 0.3])
def test_a_shift_of_the_sound_is_measured(
    late_s: float, shot: list[Frame], speech: Sound, original: Path, tmp_path: Path
) -> None:
    samples = round(abs(late_s) * 48_000)
    moved = speech.samples[:, samples:] if late_s < 0 else np.pad(speech.samples, ((0, 0), (samples, 0)))[:, :-samples]
    report = inspect(make(tmp_path / "moved.mp4", shot, Sound(np.ascontiguousarray(moved))), against=original)
    assert faults(report) == [Code.OUT_OF_SYNC]
    assert report.facts["sound_late_s"] == pytest.approx(late_s, abs=0.001)


@pytest.mark.parametrize(("snr_db", "severity"), [(5, Severity.FAULT), (15, Severity.WARNING)])
def test_noise_is_measured_against_the_clean_sound(
    snr_db: float, severity: Severity, shot: list[Frame], speech: Sound, original: Path, tmp_path: Path
) -> None:
    power = float(np.square(speech.samples).mean())
    hiss = np.random.default_rng(0).standard_normal(speech.samples.shape[1]) * np.sqrt(power / 10 ** (snr_db / 10))
    noisy = Sound((speech.samples + hiss).astype(np.float32))
    report = inspect(make(tmp_path / "noisy.mp4", shot, noisy), against=original)
    (noise,) = (finding for finding in report.findings if finding.code is Code.NOISE)
    assert noise.severity is severity
    assert noise.value == pytest.approx(snr_db, abs=1)
