import itertools
import random
import re
from pathlib import Path

import pytest

from aiprod_core.camera import said_in
from aiprod_core.errors import InputError
from aiprod_core.models.text_encoder import NANO, TextTokenizer
from aiprod_pipelines.film.fountain import parse_fountain
from aiprod_pipelines.film.markdown import parse_markdown
from aiprod_pipelines.film.scenarist import Wishes, said_s, storyboard_of
from aiprod_pipelines.film.shot_prompt import shot_prompt
from aiprod_pipelines.film.storyboard import Storyboard
from aiprod_pipelines.film.storyboard_file import read_storyboard, to_yaml

ANY_WORDS = """
a the red cat Mia it and then while before after walks running sleeps beach in on at night rain , . ! ; : " ' ( ) camera
pans left close-up un chat la plage marche et puis THE MIA's — … 7 née of storm golden light watercolor says
"""
COVERAGE = ("establishing", "closing")  # what the scenarist adds to what is told

TOLD = {
    "A red cat walks to the right on the beach at sunset": [
        "a red cat walking to the right on a beach at dusk under a clear sky"
    ],
    "a yellow dog": ["a yellow dog standing still in a meadow by day under a clear sky"],
    "Two dogs run through the park while it rains, then they sleep": [
        "two dogs running in a park by day in the rain",
        "two dogs sleeping in a park by day in the rain",
    ],
    "The blue bird flew over the city at midnight": [
        "a blue bird flying to the right in a city at night under a clear sky"
    ],
    "A robot is dancing in the snow, handheld camera": ["a robot dancing in a meadow by day in falling snow"],
    "An old fisherman rows across the lake in the morning mist": [
        "an old fisherman rowing on a lake by day in thick fog"
    ],
    "After the storm, a white balloon floats over the mountains": [
        "a white balloon floating in snowy mountains by day under a clear sky"
    ],
    "Close-up of a green car driving in the desert": [
        "a green car driving to the right in a desert by day under a clear sky"
    ],
    "A knight leaves the castle and rides through the forest until night falls": [
        "a knight leaving the castle by day",
        "a knight riding in a forest by day under a clear sky",
        "a knight riding in a forest at night under a clear sky",
    ],
    "Before eating, the kitten plays with a ball in the kitchen": [
        "a kitten playing with a ball in a kitchen by day",
        "a kitten eating in a kitchen by day",
    ],
    "It is snowing in the village. A child builds a snowman and his dog watches.": [
        "a child building a snowman in a village by day in falling snow",
        "his dog watching in a village by day in falling snow",
    ],
    "Slow zoom on a purple elephant standing in a meadow at dawn, watercolor, golden light": [
        "a purple elephant standing still in a meadow at dawn under a clear sky"
    ],
    "A woman reads a letter by candlelight, cries, and burns it": [
        "a woman reading a letter by day",
        "a woman crying by day",
        "a woman burning a letter by day",
    ],
    "The dragon wakes, spreads its wings and flies over the burning village": [
        "a dragon waking by day",
        "a dragon spreading its wings by day",
        "a dragon flying over a burning village by day under a clear sky",
    ],
    "A car races down a rainy street at night, neon light, cyberpunk": [
        "a car driving to the right in a city at night in the rain"
    ],
    "A girl named Zoé chases a butterfly in a sunny garden. She laughs.": [
        "Zoé chasing a butterfly in a garden by day under a clear sky",
        "Zoé laughing in a garden by day under a clear sky",
    ],
    "A cup of coffee steams on a wooden table": ["a cup of coffee steaming on a wooden table by day"],
    "waves crash on the shore under the stars, drone": ["waves crashing on a beach at night under a clear sky"],
    '"Where are you going?" asks the robot': ["a robot talking in a meadow by day under a clear sky"],
    "An astronaut walks on the moon and plants a flag, film noir": [
        "an astronaut walking on the moon by day under a clear sky",
        "an astronaut planting a flag on the moon by day under a clear sky",
    ],
    "The camera pans left over a foggy forest": ["a forest by day in thick fog"],
    "A peaceful village by the lake on a sunny morning": ["a peaceful village by a lake by day under a clear sky"],
    "Un chat rouge marche sur la plage puis saute par-dessus une balle": [
        "a red cat walking to the right on a beach by day under a clear sky",
        "a red cat jumping over a ball on a beach by day under a clear sky",
    ],
    "Un chien jaune court dans la forêt sous la pluie la nuit": [
        "a yellow dog running to the right in a forest at night in the rain"
    ],
    "Une voiture bleue traverse la ville au coucher du soleil, travelling": [
        "a blue car crossing the city at dusk under a clear sky"
    ],
    "Des enfants jouent dans le jardin pendant qu'un oiseau chante": [
        "children playing in a garden by day under a clear sky",
        "a bird singing in a garden by day under a clear sky",
    ],
    "Un robot triste attend à la gare, gros plan": ["a sad robot standing still at a station by day under a clear sky"],
    "La neige tombe sur le village. Une vieille femme ouvre la porte et sourit.": [
        "an old woman opening the door in a village by day in falling snow",
        "an old woman smiling in a village by day in falling snow",
    ],
    "Un éléphant violet danse dans une prairie ensoleillée, à l'aquarelle, lumière douce": [
        "a purple elephant dancing in a meadow by day under a clear sky"
    ],
    "Un chevalier quitte le château à l'aube et traverse les montagnes enneigées": [
        "a knight leaving the castle at dawn",
        "a knight crossing the snowy mountains at dawn",
    ],
    "Un pêcheur dort dans son bateau, caméra à l'épaule": ["a fisherman sleeping on its boat by day under a clear sky"],
    "Mia, une chatte blanche, regarde les étoiles. Elle chante.": [
        "Mia watching the stars in a meadow by day under a clear sky",
        "Mia singing in a meadow by day under a clear sky",
    ],
}
FOUNTAIN = """\
Title: The Sea
Author: Ada Moreau

EXT. BEACH - SUNSET

MIA, a red cat, walks along the shore. A storm breaks.

MIA
Where is the sea?

ROBOT
Behind you! It has been there all the time, and it will be there tomorrow.

NARRATOR (V.O.)
She never knew.

DISSOLVE TO:

INT. KITCHEN - NIGHT

MIA drinks milk. Someone knocks.

MATCH CUT TO:

EXT. MEADOW - DAWN

Close-up: Mia smiles.

> THE END <

FADE OUT.
"""
FRENCH = """\
EXT. PLAGE - SOIR

MIA, une chatte blanche, marche. Il se met à pleuvoir.

MIA
(doucement)
Où est la mer ?

FONDU ENCHAÎNÉ :

INT. CUISINE - NUIT

Quelqu'un frappe à la porte.

EXT. FORÊT - AUBE

Gros plan : Mia sourit.
"""


def length_s(board: Storyboard) -> float:
    return round(sum(shot.duration_s or 0 for shot in board.shots), 6)


@pytest.mark.parametrize("sentence", TOLD)
def test_what_a_sentence_tells_is_what_its_shots_show(sentence: str) -> None:
    board = storyboard_of(sentence)
    assert [shot.prompt for shot in board.shots if shot.id not in COVERAGE] == TOLD[sentence]
    assert len(board.shots) == 3
    assert length_s(board) >= 8


@pytest.mark.parametrize("sentence", TOLD)
def test_prompts_hold_what_the_film_shares_and_fit_the_model(sentence: str, weights: Path) -> None:
    board = storyboard_of(sentence)
    tokenizer = TextTokenizer((weights / "tokenizer.json").read_text(), NANO.longest)
    for shot in board.shots:
        prompt = shot_prompt(board, shot)
        assert said_in(prompt) is not None
        for marker in (board.style, board.light):
            assert marker is None or marker in prompt
        tokenizer([prompt])  # raises for one that is too long


def test_the_film_of_one_sentence() -> None:
    board = storyboard_of("A red cat walks on the beach at sunset")
    assert board.title is not None
    assert (board.title.text, board.ending.kind, board.ambience) == ("The red cat", "fade", ("sea",))
    assert board.look is not None
    assert board.music is not None
    assert (board.look.name, board.music.mood) == ("golden_hour", "calm")
    assert [shot.id for shot in board.shots] == ["establishing", "walking", "closing"]
    assert [shot.camera for shot in board.shots] == [None, "pan-right", "zoom-in"]
    assert [shot.transition and shot.transition.kind for shot in board.shots] == ["fade", "dissolve", None]


def test_what_is_asked_of_style_light_camera_and_mood_is_kept() -> None:
    board = storyboard_of("Slow zoom on a sad purple elephant in a meadow, watercolor, golden light")
    assert (board.style, board.light, board.pacing) == ("watercolor", "golden light", "slow")
    assert board.shots[1].camera == "zoom-in:0.5"
    assert board.music is not None
    assert board.music.mood == "sad"


def test_a_title_is_in_the_language_of_the_text_and_prompts_are_english() -> None:
    board = storyboard_of("Un oiseau bleu vole. « Où vas-tu ? » dit le robot.")
    assert board.title is not None
    assert (board.title.text, board.language) == ("L’oiseau bleu", "fr")
    lines = [line for shot in board.shots for line in shot.dialogue]
    assert [(line.who, line.line) for line in lines] == [("Robot", "Où vas-tu ?")]


def test_a_screenplay_becomes_its_shots() -> None:
    board = storyboard_of(parse_fountain(FOUNTAIN))
    assert board.title is not None
    assert (board.title.text, board.credits, board.characters) == ("The Sea", ("Ada Moreau",), {"Mia": "a red cat"})
    assert (board.subtitles, board.language) == (("soft",), "en")
    told = [(shot.id, shot.transition and shot.transition.kind, shot.prompt) for shot in board.shots]
    assert told == [
        ("walking", "fade", "Mia walking to the right on a beach at dusk under a clear sky"),
        ("walking-2", None, "Mia walking to the right on a beach at dusk in a storm"),
        ("talking", None, "a robot talking on a beach at dusk in a storm"),
        ("drinking", "dissolve", "Mia drinking milk in a kitchen at night"),
        ("knocking", None, "someone knocking in a kitchen at night"),
        ("smiling", None, "Mia smiling in a meadow at dawn in a storm"),
    ]
    by_id = {shot.id: shot for shot in board.shots}
    assert [line.who for line in by_id["walking-2"].dialogue] == ["Mia"]
    assert [line.who for line in by_id["talking"].dialogue] == ["Robot", "Narrator"]
    assert [effect.name for effect in by_id["knocking"].effects] == ["knock"]
    assert (by_id["smiling"].continue_from, by_id["smiling"].camera) == ("knocking", None)
    assert by_id["smiling"].title is not None
    assert by_id["smiling"].title.text == "THE END"
    assert (by_id["talking"].duration_s or 0) >= sum(said_s(line.line, "en") for line in by_id["talking"].dialogue)


def test_a_script_in_markdown_becomes_its_shots() -> None:
    script = "# Balle\n\n## Forêt - nuit\n\nUn chien jaune court. Il aboie.\n\n**CHIEN:** Où est ma balle ?\n"
    board = storyboard_of(parse_markdown(script))
    assert board.language == "fr"
    assert [shot.prompt for shot in board.shots if shot.id not in COVERAGE] == [
        "a yellow dog running to the right in a forest at night under a clear sky",
        "a yellow dog barking in a forest at night under a clear sky",
    ]
    assert [line.line for shot in board.shots for line in shot.dialogue] == ["Où est ma balle ?"]


def test_a_screenplay_may_be_in_french() -> None:
    board = storyboard_of(parse_fountain(FRENCH))
    assert (board.language, board.characters) == ("fr", {"Mia": "a white cat"})
    assert [(shot.prompt, shot.transition and shot.transition.kind) for shot in board.shots] == [
        ("Mia walking to the right on a beach at dusk under a clear sky", "fade"),
        ("Mia walking to the right on a beach at dusk in the rain", None),
        ("someone knocking at the door in a kitchen at night", "dissolve"),
        ("Mia smiling in a forest at dawn in the rain", "dissolve"),
    ]
    assert [effect.name for effect in board.shots[2].effects] == ["knock"]


def test_one_take_goes_on_from_shot_to_shot() -> None:
    board = storyboard_of("A cat walks on a beach, jumps and sleeps, in one take")
    assert [shot.continue_from for shot in board.shots] == [None, "walking", "jumping"]
    assert all(shot.move is None for shot in board.shots[1:])


def test_the_same_words_give_the_same_bytes() -> None:
    for source in ("A red cat walks, then it sleeps", parse_fountain(FOUNTAIN)):
        assert to_yaml(storyboard_of(source)) == to_yaml(storyboard_of(source))


@pytest.mark.parametrize("source", ["A cat walks, jumps, runs and sleeps. A dog barks.", parse_fountain(FOUNTAIN)])
def test_as_many_shots_and_seconds_as_are_asked_for(source: str) -> None:
    for count in (1, 2, 3, 5, 9, 20):
        board = storyboard_of(source, Wishes(shots=count, duration_s=60.0, seed=7))
        assert (len(board.shots), length_s(board), board.seed) == (count, 60.0, 7)
        assert sorted({line.line for shot in board.shots for line in shot.dialogue}) == sorted(
            {line.line for shot in storyboard_of(source).shots for line in shot.dialogue}
        )


@pytest.mark.parametrize("wrong", [{"shots": 0}, {"shots": 1000}, {"duration_s": 0.0}, {"duration_s": -3.0}])
def test_wishes_that_cannot_be_met(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="expected"):
        Wishes(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("nothing", ["", "   ", "...", "?!", '""'])
def test_nothing_to_see_is_an_error(nothing: str) -> None:
    with pytest.raises(InputError, match="nothing is seen"):
        storyboard_of(nothing)


def test_any_words_give_a_storyboard_that_reads_again(tmp_path: Path) -> None:
    draw = random.Random(5)
    made = 0
    for _ in range(300):
        text = " ".join(draw.choices(ANY_WORDS.split(), k=draw.randint(1, 25)))
        try:
            board = storyboard_of(text)
        except InputError:
            continue
        made += 1
        path = tmp_path / "film.yaml"
        path.write_text(to_yaml(board))
        assert read_storyboard(path) == board, text
        for shot in board.shots:
            assert re.search(r"\w", shot.prompt or ""), text
            assert (shot.duration_s or 0) > 0
            assert "  " not in (shot.prompt or ""), text
    assert made > 250


def test_continuity_holds_over_a_long_story() -> None:
    board = storyboard_of(
        "A red cat walks in the forest at night. It starts to rain. The cat runs. It finds a house. "
        "The next morning, it sleeps in the kitchen. A blue bird sings in the garden."
    )
    prompts = [shot.prompt or "" for shot in board.shots]
    assert [prompt.startswith("a red cat") for prompt in prompts] == [True] * 5 + [False]
    assert ["in a forest" in prompt for prompt in prompts] == [True] * 4 + [False] * 2
    assert ["at night" in prompt for prompt in prompts] == [True] * 4 + [False] * 2
    assert ["in the rain" in prompt for prompt in prompts] == [False, True, True, True, False, True]
    assert [shot.transition and shot.transition.kind for shot in board.shots] == [
        "fade", None, None, None, "dissolve", "dissolve",
    ]  # fmt: skip
    for one, other in itertools.pairwise(board.shots):
        assert one.id != other.id
