import pytest

from aiprod_pipelines.film.french import in_english, is_french, verbs


@pytest.mark.parametrize(
    ("french", "english"),
    [
        ("Un chat rouge marche sur la plage", "a red cat walks on the beach"),
        ("Deux petits chiens jaunes couraient", "two small yellow dogs runs"),
        ("L'éléphant violet dort, gros plan", "the purple elephant sleeps, close-up"),
        ("Il se met à pleuvoir", "it starts to rain"),
        ("en marchant vers la gauche", "in walking to the left"),
        ("Un robot attend à la gare", "a robot waits at the station"),
        ("Un robot attend le train", "a robot waits for the train"),
        ("les enfants jouent", "the children plays"),
        ("Zébulon zozote", "Zébulon zozote"),
    ],
)
def test_known_words_in_english_order(french: str, english: str) -> None:
    assert " ".join(in_english(french).split()) == english


@pytest.mark.parametrize(
    "text", ["Un chien court dans la forêt", "Une fusée décolle", "Mia est un chat", "il pleut sur la ville"]
)
def test_french_is_known(text: str) -> None:
    assert is_french(text)


@pytest.mark.parametrize(
    "text", ["A red cat", "The robot is on Mars", "", "Le Mans: a car and the rain", "a la carte is fine"]
)
def test_english_is_not_french(text: str) -> None:
    assert not is_french(text)


def test_verbs_have_their_forms() -> None:
    forms = {
        "marche": "walks",
        "marchait": "walks",
        "marchant": "walking",
        "plongeait": "dives",
        "crie": "shouts",
        "va": "goes",
    }
    assert {form: verbs()[form] for form in forms} == forms
