import numpy as np
import pytest

from aiprod_core.errors import InputError
from aiprod_pipelines.color import drift, match
from aiprod_pipelines.color.grade import Grade
from aiprod_pipelines.color.grader import Grader
from aiprod_pipelines.color.match import Statistics
from aiprod_pipelines.picture import Encoding, Frame

REFERENCE = Statistics(mean=(0.6, 0.0, 0.0), spread=(0.1, 0.05, 0.05))


def statistics_of(lightness: float) -> Statistics:
    return Statistics(mean=(lightness, 0.01, -0.02), spread=(0.1, 0.05, 0.05))


def test_one_light_is_one_transform() -> None:
    window = statistics_of(0.4)
    transforms = drift.follow([window] * 5, REFERENCE, 50)
    fitted = match.fit(window, REFERENCE)
    assert len(transforms) == 50
    for transform in transforms:
        np.testing.assert_allclose(transform.gain, fitted.gain, atol=1e-12)
        np.testing.assert_allclose(transform.offset, fitted.offset, atol=1e-12)


def test_windows_that_flicker_do_not_make_frames_flicker() -> None:
    windows = [statistics_of(0.5 + 0.1 * (-1) ** number) for number in range(10)]
    shifts = np.array([transform.offset[0] for transform in drift.follow(windows, REFERENCE, 100)])
    raw = np.array([match.fit(window, REFERENCE).offset[0] for window in windows])
    assert np.ptp(shifts[20:80]) < 0.1 * np.ptp(raw)
    assert np.abs(np.diff(shifts)).max() < 0.01


def test_a_light_that_drifts_is_followed() -> None:
    base = np.random.default_rng(4).uniform(60, 170, (12, 16, 3)).astype(np.uint8)
    shot: list[Frame] = [
        Grader(Grade(exposure_stops=stops), cube=17)(base) for stops in np.linspace(-1, 1, 24).round(2)
    ]
    wanted = match.measure([base], Encoding.REC709)
    windows = [match.measure(shot[start : start + 4], Encoding.REC709) for start in range(0, 24, 4)]
    once = match.fit(match.measure(shot, Encoding.REC709), wanted)
    errors = []
    for transforms in ([once] * 24, drift.follow(windows, wanted, 24)):
        matched = [Grader(Grade(match=m), cube=17)(frame) for m, frame in zip(transforms, shot, strict=True)]
        errors.append(np.abs(np.stack(matched).astype(int) - base).mean())
    assert errors[1] < 0.5 * errors[0]


def test_what_cannot_be_followed_is_refused() -> None:
    with pytest.raises(InputError, match="got 0 windows"):
        drift.follow([], REFERENCE, 5)
    with pytest.raises(InputError, match="match strength"):
        drift.follow([REFERENCE], REFERENCE, 5, strength=3)
