import pytest

from aiprod_pipelines.film.beats import tell_prose
from aiprod_pipelines.film.coverage import covered

STORY = "A red cat walks on a beach, then it jumps, then it sleeps. A dog barks. The dog runs."


@pytest.mark.parametrize("count", range(1, 13))
def test_as_many_shots_as_are_wanted_in_the_order_of_the_telling(count: int) -> None:
    telling = tell_prose(STORY)
    takes = covered(telling.beats, count, telling.characters)
    assert len(takes) == count
    subjects = [(take.beat.clause.subject or "")[:5] for take in takes]
    assert subjects == sorted(subjects, key=["a red", "a dog"].index)
    assert all(take.prompt.startswith(("a red cat", "a dog")) for take in takes)


def test_every_beat_is_heard_in_one_shot() -> None:
    telling = tell_prose(STORY)
    for count in (5, 8, 15):
        heard = [take.beat for take in covered(telling.beats, count, {}) if take.heard]
        assert heard == list(telling.beats)


def test_beats_that_are_joined_tell_both() -> None:
    telling = tell_prose("A red cat walks and sleeps on a beach.")
    (take,) = covered(telling.beats, 1, {})
    assert take.prompt == "a red cat walking and sleeping on a beach by day under a clear sky"


def test_one_moment_is_seen_from_three_cameras() -> None:
    telling = tell_prose("A red cat walks to the left on a beach")
    assert [take.camera for take in covered(telling.beats, None, {})] == ["static", "pan-left", "zoom-in"]


def test_a_long_sentence_keeps_its_place() -> None:
    telling = tell_prose(
        "A cat walks " + "carrying an extraordinarily complicated contraption " * 8 + "on a beach at night"
    )
    prompt = covered(telling.beats, None, {})[1].prompt
    assert prompt.endswith("on a beach at night under a clear sky")
    assert len(prompt.split()) < 32
