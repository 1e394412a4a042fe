import pytest

from aiprod_pipelines.film.clause import mood_of, read_clause, settled, subject_of, take_marker
from aiprod_pipelines.film.vocabulary import LIGHTS, STYLES


def parts(text: str) -> dict[str, str]:
    read = vars(read_clause(text))
    return {name: value for name, value in read.items() if isinstance(value, str)}


def test_a_clause_says_who_does_what_where_when_and_how_it_is_seen() -> None:
    text = "The red kitty strolled slowly to the left through the woods on a rainy evening, slow zoom"
    assert parts(text) == {
        "subject": "a red cat",
        "action": "walking slowly",
        "verb": "stroll",
        "direction": "to the left",
        "setting": "in a forest",
        "time": "at dusk",
        "weather": "in the rain",
        "camera": "zoom-in:0.5",
    }


@pytest.mark.parametrize(
    ("words", "setting"),
    [
        ("on the beach", "on a beach"),
        ("through the dark forest", "in a dark forest"),
        ("into the old lighthouse kitchen", "in an old lighthouse kitchen"),
        ("on the moon", "on the moon"),
        ("near a lake", "near a lake"),
        ("in the mountains", "in snowy mountains"),
        ("down the street", "in a city"),
        ("in her house", "in her house"),
    ],
)
def test_places(words: str, setting: str) -> None:
    assert parts(f"A dog runs {words}")["setting"] == setting


@pytest.mark.parametrize(
    ("words", "camera"),
    [
        ("the camera pans left over the city", "pan-left"),
        ("camera slowly panning to the right", "pan-right:0.5"),
        ("close-up of a cat", "zoom-in"),
        ("a cat, drone", "zoom-out"),
        ("a cat, aerial shot", "zoom-out"),
        ("a cat, handheld", "handheld"),
        ("a cat, low angle", "tilt-up"),
        ("a cat, tracking shot", "tracking"),
        ("a cat, crane up", "crane-up"),
        ("a wide shot of a cat", "static"),
    ],
)
def test_cameras(words: str, camera: str) -> None:
    assert parts(words)["camera"] == camera


def test_a_drone_can_be_the_hero() -> None:
    assert parts("a drone flies over the sea") == {
        "subject": "a drone",
        "action": "flying",
        "verb": "fly",
        "setting": "over a sea",
    } | {"setting": "over the sea"}


@pytest.mark.parametrize(
    ("text", "subject", "action"),
    [
        ("a running dog", "a dog", "running"),
        ("a cat begins to run", "a cat", "running"),
        ("the old man is sitting on a bench", "an old man", "sitting on a bench"),
        ("a cat meditates", "a cat", "meditating"),
        ("a cup of coffee steams on a table", "a cup of coffee", "steaming on a table"),
        ("waves crash", "waves", "crashing"),
        ("crimson robots have danced", "red robots", "dancing"),
        ("a butterfly", "a butterfly", None),
        ("the dog is looking at the sea", "a dog", "looking at the sea"),
    ],
)
def test_who_does_what(text: str, subject: str, action: str | None) -> None:
    read = read_clause(text)
    assert (read.subject, read.action) == (subject, action)


def test_unknown_words_stay() -> None:
    assert parts("a blorg flumps the zanzibar")["subject"] == "a blorg flumps the zanzibar"


def test_subjects_get_the_article_of_captions() -> None:
    assert [subject_of(words) for words in ("the elephant", "orange cat", "two cats", "Mia", "", "and then")] == [
        "an elephant", "an orange cat", "two cats", "Mia", None, None,
    ]  # fmt: skip


def test_skies_and_hours_that_are_told_as_clauses_are_settled() -> None:
    assert settled("a cat walks while it rains, as the sun sets") == "a cat walks in the rain, at dusk"


def test_markers_are_taken_out() -> None:
    assert take_marker("a cat, in the style of a watercolor, asleep", STYLES) == ("a cat, asleep", "watercolor")
    assert take_marker("a cat in golden light", LIGHTS) == ("a cat", "golden light")
    assert take_marker("a cat", LIGHTS) == ("a cat", None)


def test_the_mood_is_that_of_most_words() -> None:
    assert mood_of("a sad, lonely clown dances") == "sad"
    assert mood_of("a cat") is None
    assert parts("a cat sleeps, in a mysterious mood") == {
        "subject": "a cat", "action": "sleeping", "verb": "sleep", "mood": "mysterious",
    }  # fmt: skip
