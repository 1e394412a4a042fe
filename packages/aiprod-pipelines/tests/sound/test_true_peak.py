"""True peaks: what lies between the samples is found, and samples themselves are never missed."""

import numpy as np
import pytest

from aiprod_pipelines.sound.true_peak import true_peak, true_peaks


@pytest.mark.parametrize(("hz", "phase"), [(12_000, np.pi / 4), (6_000, 0.4), (997, 0.0), (15_000, 1.0)])
def test_a_sine_of_full_scale_peaks_at_zero_whatever_its_samples_show(hz: float, phase: float) -> None:
    sine = np.sin(2 * np.pi * hz * np.arange(48_000) / 48_000 + phase).astype(np.float32)
    sine[:2400] *= np.linspace(0, 1, 2400, dtype=np.float32)
    sine[-2400:] *= np.linspace(1, 0, 2400, dtype=np.float32)
    assert true_peak(sine[None]) == pytest.approx(0, abs=0.1)


def test_a_single_sample_is_a_peak() -> None:
    click = np.zeros((2, 1000), np.float32)
    click[1, 500] = -0.5
    assert true_peak(click) == pytest.approx(-6.02, abs=0.01)
    assert true_peaks(click).argmax() == 500


def test_no_sample_exceeds_its_peak_and_all_channels_count() -> None:
    noise = np.random.default_rng(0).standard_normal((6, 5000)).astype(np.float32)
    assert (true_peaks(noise) >= np.abs(noise).max(axis=0)).all()


def test_silence_and_nothing_have_none() -> None:
    assert true_peak(np.zeros((2, 100), np.float32)) == -np.inf
    assert true_peak(np.zeros((1, 0), np.float32)) == -np.inf
