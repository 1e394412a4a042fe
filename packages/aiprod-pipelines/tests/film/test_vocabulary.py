import json
from pathlib import Path

import pytest

from aiprod_core.camera import TAGS
from aiprod_pipelines.film import vocabulary


@pytest.mark.parametrize(
    ("forms", "base"),
    [
        ("walk walks walking walked", "walk"),
        ("run runs running ran", "run"),
        ("drive drives driving drove driven", "drive"),
        ("fly flies flying flew flown", "fly"),
        ("cry cries crying cried", "cry"),
        ("lie lies lying lay", "lie"),
        ("watch watches watching watched", "watch"),
        ("go goes going went gone", "go"),
    ],
)
def test_inflections_lead_to_one_base(forms: str, base: str) -> None:
    assert {vocabulary.base_of(form) for form in forms.split()} == {base}


@pytest.mark.parametrize("word", ["cat", "the", "ing", "s", "red", "", "beach", "string", "king"])
def test_other_words_are_no_verbs(word: str) -> None:
    assert vocabulary.base_of(word) is None


def test_every_verb_has_an_ing_form_that_leads_back() -> None:
    for base in vocabulary.VERBS:
        assert vocabulary.base_of(vocabulary.ing(base)) == base


def test_actions_are_said_as_captions_say_them() -> None:
    said = {"stroll": "walking", "sprint": "running", "hop": "jumping", "wait": "standing still", "dance": "dancing"}
    assert {base: vocabulary.action_of(base) for base in said} == said


def test_cameras_are_those_of_the_taxonomy() -> None:
    assert set(vocabulary.CAMERAS.values()) == set(TAGS)
    for tag in TAGS.values():
        words = [phrase for phrase, name in vocabulary.CAMERAS.items() if name == tag.name]
        assert words, tag.name


def test_the_nano_model_knows_the_words_that_captions_are_made_of(weights: Path) -> None:
    known = set(json.loads((weights / "words.json").read_text()))
    places = ("meadow", "forest", "beach", "city", "desert", "mountains")
    phrases = [
        *vocabulary.NANO_SUBJECTS,
        *(phrase for place in places if (phrase := vocabulary.PLACES[place])),
        *(vocabulary.BY_DAY, vocabulary.AT_DUSK, vocabulary.AT_NIGHT),
        *(vocabulary.CLEAR, vocabulary.RAIN, vocabulary.SNOW, vocabulary.FOG),
        *map(vocabulary.action_of, ("stand", "walk", "run", "jump", "fly", "drive", "roll", "bounce", "float")),
        *vocabulary.SAME_COLOUR.values(),
        *vocabulary.SAME_NOUN.values(),
    ]
    assert {word for phrase in phrases for word in phrase.split()} <= known
