from aiprod_pipelines.color import looks
from aiprod_pipelines.film import names
from aiprod_pipelines.film.scenarist import LOOKS_OF_STYLES, LOOKS_OF_TIMES, MANNERS, MOODS, SKY_SOUNDS
from aiprod_pipelines.film.vocabulary import EFFECTS, SOUNDS_OF_PLACES
from aiprod_pipelines.sound.ambience import BEDS
from aiprod_pipelines.sound.composition import Mood
from aiprod_pipelines.sound.effects import LIBRARY


def test_the_names_are_those_of_what_is_shipped() -> None:
    assert set(names.LOOKS) == set(looks.LOOKS)
    assert set(names.EFFECTS) == set(LIBRARY)
    assert set(names.AMBIENCES) == set(BEDS)
    assert set(MOODS) == set(Mood)


def test_the_scenarist_names_what_is_there() -> None:
    chosen = {manner.look for manner in MANNERS.values()} | {*LOOKS_OF_STYLES.values(), *LOOKS_OF_TIMES.values()}
    assert chosen <= set(names.LOOKS)
    assert {*SKY_SOUNDS.values(), *SOUNDS_OF_PLACES.values()} <= set(names.AMBIENCES)
    assert set(EFFECTS.values()) <= set(names.EFFECTS)
    assert set(MANNERS) == set(MOODS)
