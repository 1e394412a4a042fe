import numpy as np
import pytest
from numpy.typing import NDArray

from aiprod_pipelines.picture import Sound
from aiprod_pipelines.quality.finding import Code, Expected, Finding, Severity
from aiprod_pipelines.quality.sound_faults import figures, judge


def judged(samples: NDArray[np.floating], expected: Expected | None = None) -> list[Finding]:
    sound = Sound(np.atleast_2d(samples).astype(np.float32))
    return judge(sound, figures(sound), expected or Expected())


def noise(seconds: float, level: float, seed: int = 0) -> NDArray[np.float64]:
    return level * np.random.default_rng(seed).standard_normal(round(seconds * 48_000))


def sine(seconds: float, level: float, hz: float = 440) -> NDArray[np.float64]:
    return np.asarray(level * np.sin(2 * np.pi * hz * np.arange(round(seconds * 48_000)) / 48_000))


def test_a_sound_at_a_sensible_level_has_no_fault() -> None:
    assert judged(noise(3, 0.05)) == []
    assert judged(sine(3, 0.5)) == []


def test_silence_is_a_fault_whether_zeros_or_dither() -> None:
    for silence in (np.zeros(48_000), noise(1, 10 ** (-100 / 20))):
        assert [(finding.code, finding.severity) for finding in judged(silence)] == [(Code.SILENT, Severity.FAULT)]
    assert Code.SILENT not in {finding.code for finding in judged(noise(1, 10 ** (-65 / 20)))}, "a quiet room is heard"


def test_silence_within_is_a_warning_at_the_end_a_note() -> None:
    gap = np.concatenate([noise(1, 0.1), np.zeros(3 * 48_000), noise(1, 0.1)])
    (silence,) = judged(gap)
    assert (silence.code, silence.severity) == (Code.SILENCE, Severity.WARNING)
    assert [silence.start_s, silence.end_s] == pytest.approx([1, 4], abs=0.05)
    assert [finding.severity for finding in judged(gap[: 4 * 48_000])] == [Severity.NOTE]


def test_flat_tops_are_clipping_and_a_loud_sine_is_not() -> None:
    for drive in (1.3, 4.0):
        found = {finding.code: finding.severity for finding in judged(sine(2, drive).clip(-0.99, 0.99))}
        assert found[Code.CLIPPING] is Severity.FAULT
    tone = {finding.code: finding.severity for finding in judged(sine(2, 0.99))}
    assert tone.get(Code.CLIPPING) is not Severity.FAULT
    assert Code.CLIPPING not in {finding.code for finding in judged(sine(2, 0.85))}
    square = np.sign(sine(2, 1)) * 0.5
    assert Code.CLIPPING not in {finding.code for finding in judged(square)}, "a square wave below is a sound"


def test_flat_tops_that_a_coder_rounded_are_still_a_crowd() -> None:
    clipped = noise(3, 0.5).clip(-1, 1)
    rounded = np.convolve(clipped, [0.05, 0.9, 0.05], "same") + noise(3, 0.01, seed=5)
    found = {finding.code: finding.severity for finding in judged(rounded)}
    assert found[Code.CLIPPING] is Severity.WARNING, "a pure tone looks the same"
    assert Code.CLIPPING not in {finding.code for finding in judged(noise(3, 0.3).clip(-1.2, 1.2))}


def test_what_lies_far_above_full_scale_is_clipping() -> None:
    found = {finding.code: finding.severity for finding in judged(sine(2, 1.6))}
    assert found[Code.CLIPPING] is Severity.FAULT
    mild = {finding.code: finding.severity for finding in judged(sine(2, 1.2))}
    assert mild.get(Code.CLIPPING) is not Severity.FAULT
    assert mild[Code.OVER] is Severity.WARNING


def test_loudness_is_held_to_what_is_expected() -> None:
    level = sine(4, 10 ** (-23 / 20), 997)  # one channel of a 997 Hz sine reads its level less 3.01 (BS.1770, annex 1)
    assert judged(level, Expected(loudness_lufs=-26.0)) == []
    (fault,) = judged(level, Expected(loudness_lufs=-16.0))
    assert (fault.code, fault.severity) == (Code.LOUDNESS, Severity.FAULT)
    assert fault.value == pytest.approx(-26.0, abs=0.1)


def test_an_offset_and_opposed_channels_are_warnings() -> None:
    assert [finding.code for finding in judged(sine(2, 0.2) + 0.05)] == [Code.DC_OFFSET]
    left = noise(2, 0.1)
    assert [finding.code for finding in judged(np.stack([left, -0.9 * left]))] == [Code.PHASE]
    assert judged(np.stack([left, noise(2, 0.1, seed=1)])) == []


@pytest.mark.parametrize("snr_db", [5, 15, 30])
def test_the_estimate_of_noise_under_speech_like_bursts(snr_db: float) -> None:
    bursts = noise(6, 0.1) * (np.arange(6 * 48_000) // 12_000 % 2)  # a quarter of a second on, a quarter off
    sound = Sound((bursts + noise(6, 0.1 * 10 ** (-snr_db / 20), seed=3))[None].astype(np.float32))
    assert figures(sound).snr_db == pytest.approx(snr_db, abs=1.5)
