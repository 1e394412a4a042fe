"""Instruments: every part sounds at its pitch, softly at first, and is over when it should be."""

import numpy as np
import pytest

from aiprod_pipelines.picture import SOUND_RATE_HZ
from aiprod_pipelines.sound.composition import Part
from aiprod_pipelines.sound.instruments import INSTRUMENTS, play

PITCHED = [part for part in Part if part not in {Part.DRUM, Part.SHAKER, Part.CLAP}]


@pytest.mark.parametrize("part", Part)
def test_each_is_stereo_begins_softly_and_ends_in_silence(part: Part) -> None:
    note = play(part, 60, 0.8)
    assert set(INSTRUMENTS) == set(Part)
    assert len(note) == 2
    assert np.isfinite(note).all()
    assert np.abs(note[:, 0]).max() < 0.02
    assert np.abs(note[:, -20:]).max() < 0.02 * np.abs(note).max()
    assert 0.05 < np.abs(note).max() < 1.2


@pytest.mark.parametrize("part", PITCHED)
@pytest.mark.parametrize("pitch", [45, 69])
def test_each_sounds_at_its_pitch(part: Part, pitch: int) -> None:
    note = np.pad(play(part, pitch, 1.0).mean(axis=0), (0, SOUND_RATE_HZ))
    power = np.abs(np.fft.rfft(note * np.pad(np.hanning(len(note) - SOUND_RATE_HZ), (0, SOUND_RATE_HZ)))) ** 2
    strongest_hz = power.argmax() * SOUND_RATE_HZ / len(note)
    ratio = strongest_hz / (440 * 2 ** ((pitch - 69) / 12))
    assert ratio == pytest.approx(round(ratio), rel=0.012), "the fundamental, or a whole multiple"
    assert round(ratio) in (1, 2)
