import pytest

from aiprod_pipelines.film.sentence import Speech, clauses, sentences, uninverted, without_speech


def test_sentences_end_where_they_end() -> None:
    text = 'Dr. Who walks 3.5 km. "Stop! Now," he says. Why?  He… runs!\n\nA new one'
    assert sentences(text) == ["Dr. Who walks 3.5 km", '"Stop! Now," he says', "Why", "He", "runs", "A new one"]


def test_what_is_said_is_set_apart() -> None:
    assert without_speech('Mia asks "Where is the sea?" and smiles') == (
        "Mia asks and smiles",
        (Speech("Where is the sea?"),),
    )
    assert without_speech("« Bonjour », dit le robot")[1] == (Speech("Bonjour"),)
    assert without_speech('"Where?" asks the robot')[0] == "asks the robot"
    assert [uninverted(words) for words in ("asks the robot", "the robot asks", "says he walks")] == [
        "the robot asks", "the robot asks", "says he walks",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("A cat walks, then it sleeps", ["A cat walks", "it sleeps"]),
        ("A cat and a dog walk", ["A cat and a dog walk"]),
        ("A cat walks and sleeps", ["A cat walks", "sleeps"]),
        ("A cat walks, sits, and sleeps", ["A cat walks", "sits", "sleeps"]),
        ("A cat walks while a dog runs", ["A cat walks", "a dog runs"]),
        ("A cat walks before it sleeps", ["A cat walks", "it sleeps"]),
        ("A cat sleeps after it walks", ["it walks", "A cat sleeps"]),
        ("After it walks, the cat sleeps", ["it walks", "the cat sleeps"]),
        ("Before sleeping, the cat walks", ["the cat walks", "sleeping"]),
        ("Then the cat walks", ["the cat walks"]),
        ("A cat walks before the castle", ["A cat walks before the castle"]),
        ("A cat walks, looking at the sea", ["A cat walks, looking at the sea"]),
        ("A cat walks; a dog runs", ["A cat walks", "a dog runs"]),
        ("The waves crash and the wind blows", ["The waves crash", "the wind blows"]),
        ("A red and white ball rolls", ["A red and white ball rolls"]),
        ("", []),
    ],
)
def test_clauses_come_in_the_order_of_what_happens(sentence: str, told: list[str]) -> None:
    assert clauses(sentence) == told
