import math
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from aiprod_core.errors import MediaError
from aiprod_pipelines.media import Clip, read_clip, write_clip
from aiprod_pipelines.quality.compare import Verdict, audio_snr_db, compare, compare_clips, ssim


def _shifted(clip: Clip, by: int) -> Clip:
    frames = (clip.frames.astype(int) + by).clip(0, 255).astype(np.uint8)
    return Clip(frames, clip.frame_rate_hz, clip.audio, clip.sample_rate_hz)


def test_the_same_file_is_identical(clip: Clip, tmp_path: Path) -> None:
    write_clip(clip, tmp_path / "a.mp4")
    write_clip(clip, tmp_path / "b.mp4")
    comparison = compare(tmp_path / "a.mp4", tmp_path / "b.mp4")
    assert comparison.verdict is Verdict.IDENTICAL
    assert comparison.psnr_db == comparison.audio_snr_db == math.inf
    assert comparison.ssim == pytest.approx(1.0)


def test_psnr_is_what_its_formula_says(clip: Clip) -> None:
    flat = Clip(np.full((3, 16, 16, 3), 100, np.uint8), 10.0)
    comparison = compare_clips(flat, _shifted(flat, 5))
    assert comparison.psnr_db == pytest.approx(10 * math.log10(255**2 / 25))
    assert comparison.verdict is Verdict.DIFFERENT


def test_the_worst_frame_is_found(clip: Clip) -> None:
    frames = clip.frames.copy()
    frames[17, :10] = 0
    comparison = compare_clips(clip, Clip(frames, clip.frame_rate_hz, clip.audio, clip.sample_rate_hz))
    assert comparison.worst_frame == 17
    assert comparison.psnr_db is not None
    assert comparison.worst_psnr_db is not None
    assert comparison.worst_psnr_db < comparison.psnr_db < math.inf


def test_a_rounding_in_a_few_pixels_stays_equivalent_after_encoding(clip: Clip, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    step = rng.choice([-1, 1], clip.frames.shape) * (rng.random(clip.frames.shape) < 0.002)
    frames = (clip.frames + step).clip(0, 255).astype(np.uint8)
    assert clip.audio is not None
    sound = clip.audio + rng.normal(0, 1e-6, clip.audio.shape).astype(np.float32)
    write_clip(clip, tmp_path / "a.mp4")
    write_clip(Clip(frames, clip.frame_rate_hz, sound, clip.sample_rate_hz), tmp_path / "b.mp4")
    comparison = compare(tmp_path / "a.mp4", tmp_path / "b.mp4")
    assert not comparison.identical_bytes
    assert comparison.verdict is Verdict.EQUIVALENT, comparison


def test_another_sound_is_different(clip: Clip) -> None:
    assert clip.audio is not None
    comparison = compare_clips(clip, Clip(clip.frames, clip.frame_rate_hz, -clip.audio, clip.sample_rate_hz))
    assert comparison.psnr_db == math.inf
    assert comparison.audio_snr_db == pytest.approx(-6.02, abs=0.01)
    assert comparison.verdict is Verdict.DIFFERENT


def test_other_shapes_are_said_not_raised(clip: Clip) -> None:
    comparison = compare_clips(clip, Clip(clip.frames[:-1], clip.frame_rate_hz))
    assert comparison.verdict is Verdict.DIFFERENT
    assert comparison.psnr_db is None
    assert "25 frames" in comparison.shape_difference
    assert "24 frames" in comparison.shape_difference
    assert "no sound" in comparison.shape_difference


def test_ssim_knows_structure_from_brightness() -> None:
    rng = np.random.default_rng(0)
    picture = rng.uniform(60, 190, (64, 64)).astype(np.float32)
    noise = rng.normal(0, 20, picture.shape).astype(np.float32)
    assert ssim(picture, picture) == pytest.approx(1.0)
    assert ssim(picture, picture + 20) > 0.95 > ssim(picture, picture + noise) > ssim(picture, picture[::-1])


def test_ssim_of_two_flat_pictures_is_its_luminance_term() -> None:
    a, b = np.full((32, 32), 100, np.float32), np.full((32, 32), 150, np.float32)
    c1 = (0.01 * 255) ** 2
    assert ssim(a, b) == pytest.approx((2 * 100 * 150 + c1) / (100**2 + 150**2 + c1), rel=1e-5)


def test_snr_of_a_tenth_is_twenty_decibels() -> None:
    sound = np.sin(np.arange(1000, dtype=np.float32))[None]
    assert audio_snr_db(sound, sound * 1.1) == pytest.approx(20.0, abs=1e-3)
    assert audio_snr_db(sound, sound) == math.inf


def test_blur_of_a_real_film_is_seen(media: Path) -> None:
    film = read_clip(media / "derived" / "tiny_96x54_8fps.mp4")
    blurred = gaussian_filter(film.frames, sigma=(0, 2, 2, 0))
    comparison = compare_clips(film, Clip(blurred, film.frame_rate_hz))
    assert comparison.verdict is Verdict.DIFFERENT
    assert comparison.ssim is not None
    assert comparison.ssim < 0.9


def test_a_damaged_film_is_an_error(media: Path) -> None:
    with pytest.raises(MediaError, match=r"header_only\.mp4"):
        compare(media / "corrupt" / "header_only.mp4", media / "derived" / "tiny_96x54_8fps.mp4")
