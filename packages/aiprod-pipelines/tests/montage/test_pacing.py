from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from aiprod_core.errors import InputError
from aiprod_pipelines.media import read_sound
from aiprod_pipelines.montage.pacing import SHORTEST_SHOT_S, cut_points_s, onsets, shot_length_s, snapped_s, tempo_bpm
from aiprod_pipelines.picture import Sound


def drum(bpm: float, seconds: float = 12.0) -> tuple[Sound, NDArray[np.float64]]:
    rng = np.random.default_rng(round(bpm))
    samples = 0.003 * rng.normal(size=round(seconds * 48_000))
    beats = np.arange(0.3, seconds - 0.2, 60 / bpm)
    for beat in beats:
        at = round(beat * 48_000)
        samples[at : at + 4800] += 0.5 * np.exp(-np.arange(4800) / 900) * rng.normal(size=4800)
    return Sound(samples[None].astype(np.float32)), beats


@pytest.mark.parametrize("bpm", [60, 84, 100, 120, 138])
def test_beats_are_found_within_15_ms_and_their_tempo(bpm: float) -> None:
    sound, beats = drum(bpm)
    found = onsets(sound)
    assert len(found) == len(beats)
    assert np.abs(found - beats).max() <= 0.015
    assert tempo_bpm(sound) == pytest.approx(bpm, rel=0.005)


def test_silence_has_no_onset_and_no_tempo() -> None:
    silent = Sound(np.zeros((2, 48_000 * 6), np.float32))
    assert onsets(silent).size == 0
    assert tempo_bpm(silent) is None
    assert onsets(Sound(np.zeros((1, 10), np.float32))).size == 0


def test_music_has_onsets(media: Path) -> None:
    path = sorted((media / "audio" / "music").iterdir())[0]
    samples, rate_hz = read_sound(path)
    piece = Sound(samples[:, : 20 * rate_hz], rate_hz)
    found = onsets(piece)
    assert 5 < len(found) < 300
    assert (np.diff(found) >= 0.07).all()


def test_the_tenser_the_shorter() -> None:
    counts = [len(cut_points_s(60, tension)) for tension in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert counts == sorted(counts)
    assert counts[0] == pytest.approx(60 / 6, abs=1)
    assert counts[-1] == pytest.approx(60 / 1.2, abs=2)
    assert shot_length_s(0.0) == pytest.approx(6.0)
    assert shot_length_s(1.0) == pytest.approx(1.2)
    with pytest.raises(InputError, match="tension"):
        shot_length_s(1.5)


def test_cuts_go_to_the_music_where_it_is_near() -> None:
    music = np.arange(0.0, 40, 0.5) + 0.1
    cuts = cut_points_s(40, 0.7, music=list(music))
    assert all(min(abs(music - cut)) < 1e-9 for cut in cuts)
    assert min(np.diff([0.0, *cuts])) >= SHORTEST_SHOT_S
    assert snapped_s([1.0, 2.0], [1.2, 2.9]) == [1.2, 2.0]
    assert snapped_s([1.0, 1.4], [1.2]) == [1.2, 1.4]
