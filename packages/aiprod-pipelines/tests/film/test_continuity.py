from aiprod_pipelines.film.clause import read_clause
from aiprod_pipelines.film.continuity import Continuity


def told(state: Continuity, *clauses: str) -> list[tuple[str | None, str | None, str | None, str | None]]:
    read = [state.follow(read_clause(clause)) for clause in clauses]
    return [(one.subject, one.setting, one.time, one.weather) for one in read]


def test_what_is_told_holds_until_it_is_told_otherwise() -> None:
    rows = told(
        Continuity(),
        "a red cat walks in a forest at night in the rain",
        "it sleeps",
        "a dog runs on the beach",
        "by day",
    )
    assert rows[0] == ("a red cat", "in a forest", "at night", "in the rain")
    assert rows[1] == rows[0]
    assert rows[2] == ("a dog", "on a beach", "at night", "in the rain")
    assert rows[3][2] == "by day"


def test_the_same_noun_is_the_same_one() -> None:
    rows = told(Continuity(), "a red cat walks", "a dog barks", "the cat runs", "it sleeps", "a white cat jumps")
    assert [row[0] for row in rows] == ["a red cat", "a dog", "a red cat", "a red cat", "a white cat"]


def test_an_object_is_named_again() -> None:
    state = Continuity()
    first, second = (state.follow(read_clause(clause)) for clause in ("a dog finds a yellow ball", "it chases it"))
    assert (first.action, second.subject, second.action) == ("finding a yellow ball", "a dog", "chasing a yellow ball")


def test_no_rain_falls_indoors_and_it_still_rains_outside() -> None:
    rows = told(Continuity(), "a cat runs in the rain", "it sleeps in the kitchen", "it walks in the garden")
    assert [row[3] for row in rows] == ["in the rain", None, "in the rain"]


def test_a_place_is_foreseen_within_a_sentence_unless_one_travels_to_it() -> None:
    for first, second, place in (
        ("a cat waits", "sleeps on a beach", "on a beach"),
        ("a cat waits", "runs into a forest", None),
    ):
        state, read = Continuity(), [read_clause(first), read_clause(second)]
        state.foresee(read)
        assert state.follow(read[0]).setting == place


def test_characters_are_introduced_once() -> None:
    state = Continuity()
    assert state.introduce("MIA, a red cat, walks.") == "Mia walks."
    assert state.introduce("A boy named Leo sits.") == "Leo sits."
    assert state.introduce("Leo, the baker's son, waits.") == "Leo, the baker's son, waits."
    assert state.introduce("Paris, a city of light, wakes.") == "Paris, a city of light, wakes."
    assert state.characters == {"Mia": "a red cat", "Leo": "a boy"}
