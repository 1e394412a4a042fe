"""Composition: in the key, on the beat, of the length asked, and home at the end."""

from itertools import pairwise

import pytest

from aiprod_core.errors import InputError
from aiprod_pipelines.sound.composition import BEATS_A_BAR, FASTEST_BPM, SLOWEST_BPM, STYLES, Mood, Part, compose

DRUMS = {Part.DRUM, Part.SHAKER, Part.CLAP}


@pytest.mark.parametrize("mood", Mood)
@pytest.mark.parametrize("seed", range(5))
def test_every_note_lies_in_the_key_and_within_the_piece(mood: Mood, seed: int) -> None:
    piece = compose(mood, 40.0, seed=seed)
    end = 40.0 * piece.bpm / 60
    for note in piece.notes:
        assert 0 <= note.start < end
        assert 0 < note.strength <= 1
        assert note.part in DRUMS or note.pitch % 12 in piece.pitch_classes()
        assert 28 <= note.pitch <= 96


@pytest.mark.parametrize("mood", Mood)
def test_the_last_chord_is_the_tonic_on_a_bar_with_its_root_in_the_bass(mood: Mood) -> None:
    piece = compose(mood, 30.0, seed=2)
    last = float(piece.bars * BEATS_A_BAR)
    final = [note for note in piece.notes if note.start >= last]
    scale = STYLES[mood].scale
    tonic = {(piece.key + scale[step]) % 12 for step in (0, 2, 4)}
    assert {note.pitch % 12 for note in final} == tonic
    assert {note.pitch % 12 for note in final if note.part is Part.BASS} == {piece.key}
    assert all(note.start < last - 2 for note in piece.notes if note.part in DRUMS)


@pytest.mark.parametrize("bpm", [SLOWEST_BPM, 90, 117.5, FASTEST_BPM])
def test_beats_are_those_of_the_tempo(bpm: float) -> None:
    beats = compose(Mood.NEUTRAL, 33.3, bpm).beats()
    assert [later - earlier for earlier, later in pairwise(beats)] == pytest.approx([60 / bpm] * (len(beats) - 1))
    assert 33.3 - beats[-1] < (BEATS_A_BAR + 2) * 60 / bpm + 1e-9
    assert 33.3 - beats[-1] >= 2 * 60 / bpm - 1e-9


def test_an_intro_is_thinner_than_what_follows() -> None:
    piece = compose(Mood.HAPPY, 40.0)
    bars = [sum(note.start // BEATS_A_BAR == bar for note in piece.notes) for bar in range(piece.bars)]
    assert bars[0] < bars[piece.bars // 2] / 2


def test_a_seed_gives_the_same_piece_and_another_another() -> None:
    assert compose(Mood.SAD, 20.0, seed=1) == compose(Mood.SAD, 20.0, seed=1)
    assert compose(Mood.SAD, 20.0, seed=1) != compose(Mood.SAD, 20.0, seed=2)


def test_a_second_is_long_enough_for_the_last_chord() -> None:
    piece = compose(Mood.CALM, 1.0)
    assert piece.bars == 0
    assert piece.beats() == (0.0,)
    assert piece.notes


@pytest.mark.parametrize(("duration_s", "bpm"), [(10, 30), (10, 300), (0, 90), (-1, 90), (float("inf"), 90)])
def test_what_cannot_be_is_refused(duration_s: float, bpm: float) -> None:
    with pytest.raises(InputError, match="music"):
        compose(Mood.CALM, duration_s, bpm)
