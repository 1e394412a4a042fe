from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from aiprod_core.errors import InputError
from aiprod_pipelines.color import delta_e, match, reference, transfer
from aiprod_pipelines.color.grade import Grade
from aiprod_pipelines.color.grader import Grader
from aiprod_pipelines.color.match import GAINS, MOST_SHIFT, Statistics
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.picture import Encoding, Frame

SHOTS = ("stream_of_water.mp4", "gen_hiker_peak.mp4", "gen_toy_ship.mp4")  # each one shot, and short


def mean_lab(frames: list[Frame]) -> np.ndarray:
    light = np.stack([transfer.to_light(frame, Encoding.REC709) for frame in frames])
    lab: np.ndarray = delta_e.xyz_to_lab(delta_e.light_to_xyz(light, Encoding.REC709)).reshape(-1, 3).mean(axis=0)
    return lab


def tinted(frames: list[Frame]) -> list[Frame]:
    """The same shot under another light and exposure."""
    grade = Grade(exposure_stops=-0.7, match=match.Match(gain=(0.9, 1.0, 1.0), offset=(0.02, -0.03, 0.04)))
    return [Grader(grade)(frame) for frame in frames]


@pytest.fixture
def shot() -> list[Frame]:
    random = np.random.default_rng(4)
    base = random.uniform(60, 190, (12, 16, 3))
    return [(base + random.normal(0, 4, base.shape)).clip(0, 255).astype(np.uint8) for _ in range(5)]


def test_a_shot_under_another_light_comes_back(shot: list[Frame]) -> None:
    other = tinted(shot)
    fitted = match.fit(match.measure(other, Encoding.REC709), match.measure(shot, Encoding.REC709))
    matched = [Grader(Grade(match=fitted))(frame) for frame in other]
    before, after = (np.abs(np.stack(frames).astype(int) - np.stack(shot)).mean() for frames in (other, matched))
    assert after < 0.25 * before


def test_statistics_are_those_asked_for(shot: list[Frame]) -> None:
    wanted = Statistics(mean=(0.6, 0.01, -0.02), spread=(0.06, 0.045, 0.04))
    fitted = match.fit(match.measure(shot, Encoding.REC709), wanted)
    matched = [fitted.apply(frame / np.float32(255), Encoding.REC709) for frame in shot]
    frames = [transfer.quantise(code, np.uint16) for code in matched]
    reached = match.measure(frames, Encoding.REC709)
    np.testing.assert_allclose(reached.mean, wanted.mean, atol=3e-3)
    np.testing.assert_allclose(reached.spread, wanted.spread, atol=3e-3)


def test_a_shot_matched_to_itself_is_itself(shot: list[Frame]) -> None:
    same = match.measure(shot, Encoding.REC709)
    fitted = match.fit(same, same)
    np.testing.assert_allclose(fitted.gain, 1)
    np.testing.assert_allclose(fitted.offset, 0, atol=1e-12)


def test_strength_0_is_the_identity_and_the_way_is_clamped() -> None:
    dark = Statistics(mean=(0.1, 0.0, 0.0), spread=(0.01, 0.001, 0.05))
    light = Statistics(mean=(0.95, 0.3, -0.3), spread=(0.3, 0.2, 0.001))
    none, whole = (match.fit(dark, light, strength=strength) for strength in (0.0, 1.0))
    assert none.gain == (1, 1, 1)
    np.testing.assert_allclose(none.offset, 0, atol=1e-12)
    assert min(whole.gain) >= GAINS[0]
    assert max(whole.gain) <= GAINS[1]
    moved = np.array(whole.gain) * dark.mean + whole.offset - dark.mean
    np.testing.assert_allclose(np.abs(moved), MOST_SHIFT)


@pytest.mark.parametrize("encoding", list(Encoding))
def test_a_match_works_in_every_encoding(encoding: Encoding) -> None:
    code = np.random.default_rng(0).uniform(0.2, 0.6, (500, 3)).astype(np.float32)
    np.testing.assert_allclose(match.Match().apply(code, encoding), code, atol=1e-5)
    brighter = match.Match(offset=(0.05, 0, 0)).apply(code, encoding)
    assert brighter.mean() > code.mean()


def test_real_shots_come_closer_by_half(media: Path) -> None:
    paths = [media / "video" / name for name in SHOTS]
    footages = [Footage.open(path) for path in paths]
    statistics = [reference.measure_shot(footage) for footage in footages]
    seen = [list(held_out(footage)) for footage in footages]
    before, after = [], []
    for a, b in permutations(range(len(SHOTS)), 2):
        grader = Grader(Grade(match=match.fit(statistics[a], statistics[b])), cube=33)
        target = mean_lab(seen[b])
        before.append(delta_e.ciede2000(mean_lab(seen[a]), target))
        after.append(delta_e.ciede2000(mean_lab([grader(frame) for frame in seen[a]]), target))
    assert np.mean(after) <= 0.5 * np.mean(before)


def held_out(footage: Footage) -> Iterator[Frame]:
    """Frames, small, that lie between those that the match looked at."""
    for number, frame in enumerate(footage.frames(size_px=(160, 90))):
        if number % 6 == 3:
            yield frame


def test_what_cannot_be_matched_is_refused() -> None:
    with pytest.raises(InputError, match="without frames"):
        match.measure([], Encoding.REC709)
    some = Statistics(mean=(0.5, 0, 0), spread=(0.1, 0.1, 0.1))
    with pytest.raises(InputError, match="match strength: got 2, expected 0 to 1"):
        match.fit(some, some, strength=2)
