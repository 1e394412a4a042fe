from aiprod_pipelines.film.markdown import parse_markdown
from aiprod_pipelines.film.screenplay import Action, Dialogue

SCRIPT = """\
---
draft: 2
---
# The Lost Ball

## A meadow, in the morning

A yellow puppy chases a ball. It runs
to the *right*.

**PUPPY:** (barking) Wait for me!

> I am fast.

Robot: Got it.

<!-- not this -->

- The robot rolls the ball back.
- The puppy jumps.

## INT. BARN - NIGHT

```
nor this
```
The puppy sleeps. Note: it is late.
"""


def test_a_script_is_read_whole_with_its_lines() -> None:
    read = parse_markdown(SCRIPT)
    assert read.title == "The Lost Ball"
    meadow, barn = read.scenes
    assert (meadow.place, meadow.time, meadow.line) == ("A meadow", "in the morning", 6)
    assert meadow.blocks == (
        Action(text="A yellow puppy chases a ball. It runs to the right.", line=8),
        Dialogue(who="Puppy", text="Wait for me!", line=11, manner="barking"),
        Dialogue(who="Puppy", text="I am fast.", line=13),
        Dialogue(who="Robot", text="Got it.", line=15),
        Action(text="The robot rolls the ball back.", line=19),
        Action(text="The puppy jumps.", line=20),
    )
    assert (barn.place, barn.time, barn.interior) == ("BARN", "NIGHT", True)
    assert [block.text for block in barn.blocks] == ["The puppy sleeps. Note: it is late."]


def test_headings_may_have_numbers_and_a_script_may_have_none() -> None:
    assert [
        scene.place for scene in parse_markdown("## Scene 2: Beach - night\nA cat.\n\n## Plan 3 – Forêt\nx").scenes
    ] == [
        "Beach",
        "Forêt",
    ]
    assert parse_markdown("A cat walks.").scenes[0].blocks == (Action(text="A cat walks.", line=1),)


def test_no_text_fails() -> None:
    for text in ("", "#", "# ", "> ", "**", "**a:**", "- ", "```", "<!--", "---\n"):
        parse_markdown(text)
