"""A bed of music of exact length: the notes of `composition` played by `instruments`, in a hall, at one loudness.

`music("calm", 12.0)` gives the sound; `compose` alone gives the beats to an editor, in no time.
"""

import numpy as np
from numpy.typing import NDArray

from aiprod_core.errors import InputError
from aiprod_pipelines.picture import SOUND_RATE_HZ, Sound
from aiprod_pipelines.sound.composition import Mood, Part, Piece, compose
from aiprod_pipelines.sound.fades import faded
from aiprod_pipelines.sound.instruments import play
from aiprod_pipelines.sound.loudness import master
from aiprod_pipelines.sound.synthesis import in_room

LOUDNESS_LUFS = -20.0
HALL_S = 1.8
DRY = frozenset({Part.BASS, Part.DRUM})  # low notes in a hall are mud
FADE_S = 1.5  # at the end, under what rings


def music(mood: str, duration_s: float, bpm: float | None = None, seed: int = 0) -> Sound:
    """A piece in `mood`, stereo at 48 kHz, -20 LUFS, of `duration_s` to the sample.

    Raises `InputError` for a mood, a tempo or a length that there is not.
    """
    return perform(compose(mood_of(mood), duration_s, bpm, seed))


def mood_of(word: str) -> Mood:
    """Raises `InputError` for a word that is not a mood."""
    try:
        return Mood(word)
    except ValueError as error:
        raise InputError(f"music: got the mood {word!r}, expected one of {', '.join(Mood)}") from error


def perform(piece: Piece) -> Sound:
    """The sound of `piece`: stereo at 48 kHz, of its own length to the sample."""
    length = round(piece.duration_s * SOUND_RATE_HZ)
    hall, dry = (np.zeros((2, length), np.float32) for _ in range(2))
    played: dict[tuple[Part, int, float], NDArray[np.float32]] = {}  # many notes return
    for note in piece.notes:
        start, length_s = round(note.start * 60 / piece.bpm * SOUND_RATE_HZ), note.length * 60 / piece.bpm
        again = note.part, note.pitch, note.length
        if again not in played:
            played[again] = play(note.part, note.pitch, length_s)
        _add(dry if note.part in DRY else hall, np.float32(note.strength) * played[again], start)
    generator = np.random.default_rng(0)  # every piece is played in the same hall
    together = in_room(generator, hall, HALL_S, 0.22)[:, :length] + dry
    levelled = master(Sound(together), LOUDNESS_LUFS).samples
    return Sound(faded(levelled, 0, min(round(FADE_S * SOUND_RATE_HZ), length // 4)))


def _add(onto: NDArray[np.float32], what: NDArray[np.float32], start: int) -> None:
    fitting = what[:, : max(onto.shape[1] - start, 0)]
    onto[:, start : start + fitting.shape[1]] += fitting
