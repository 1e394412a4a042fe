"""The beats of a film's music, for cuts to fall on: those it is composed to, or the onsets of a file."""

from collections.abc import Sequence

from aiprod_pipelines.film.storyboard import Music
from aiprod_pipelines.montage.pacing import onsets, snapped_s
from aiprod_pipelines.sound.composition import Mood, compose
from aiprod_pipelines.sound.file import read_sound_file


def beats_s(music: Music, duration_s: float, seed: int) -> Sequence[float]:
    """Seconds of the beats. Raises `InputError` for a tempo that cannot be, `MediaError` for a file that is damaged."""
    if music.file is not None:
        return [float(onset) for onset in onsets(read_sound_file(music.file))]
    assert music.mood is not None
    return compose(Mood(music.mood), duration_s, music.tempo_bpm, seed).beats()


def on_beats(lengths_s: Sequence[float], longest_s: Sequence[float], beats: Sequence[float]) -> list[float]:
    """Lengths whose ends fall on beats where one is near; the last stays, and none becomes longer than it can be."""
    now_s, moved = 0.0, []
    for length_s, most_s in zip(lengths_s[:-1], longest_s, strict=False):
        reachable = [beat - now_s for beat in beats if 0 < beat - now_s <= most_s]
        moved.append(snapped_s([length_s], reachable)[0])
        now_s += moved[-1]
    return [*moved, *lengths_s[-1:]]
