"""A script in Markdown as a `Screenplay`: headings are scenes, paragraphs are action, `**NAME:** line` is dialogue.

A blockquote is dialogue too, of who is named in it or spoke last. The first heading of the first level is the title.
Front matter, code and comments are not part of the film.
"""

import re

from aiprod_pipelines.film.fountain import HEADING, plain, scene_of
from aiprod_pipelines.film.screenplay import Action, Block, Cut, Dialogue, Scene, Screenplay, name_of

_HIDDEN = re.compile(r"\A---\n.*?\n---\n|<!--.*?(?:-->|\Z)|^(```|~~~).*?^\1.*?$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*")
_NAME = r"[^\W\d_][\w.'’-]*(?: [\w.'’-]+){0,2}"
_SPEAKER = re.compile(
    rf"(?:\*\*(?P<bold>{_NAME})\s*:?\*\*\s*:?|(?P<plain>{_NAME})\s*:)\s*(?:\((?P<manner>[^)]*)\)\s*)?(?P<line>.+)"
)
_NUMBERED = re.compile(r"(?:scene|scène|shot|plan)\s*\d*\s*[:.–—-]\s*", re.IGNORECASE)
_NOT_NAMES = frozenset(
    [
        "note",
        "notes",
        "title",
        "titre",
        "author",
        "auteur",
        "camera",
        "caméra",
        "music",
        "musique",
        "sound",
        "son",
        "style",
        "light",
        "lumière",
    ]
)


def parse_markdown(text: str) -> Screenplay:
    """The screenplay in a text."""
    lines = _HIDDEN.sub(lambda match: "\n" * match.group().count("\n"), text).splitlines()
    title, scenes = "", [Scene(line=1)]
    index, last = 0, None
    while index < len(lines):
        line = lines[index].strip()
        heading = _HEADING.fullmatch(line)
        if (
            heading
            and len(heading.group(1)) == 1
            and not title
            and len(scenes) == 1
            and not HEADING.match(heading.group(2))
        ):
            title = plain(heading.group(2))
        elif heading:
            scenes.append(_scene(plain(heading.group(2)), index + 1))
        elif line and not re.fullmatch(r"[-*_ ]{3,}", line):
            paragraph, index = _paragraph(lines, index)
            for block in _blocks(paragraph, last):
                scenes[-1] = scenes[-1].with_block(block)
                last = block.who if isinstance(block, Dialogue) else last
            continue
        index += 1
    return Screenplay(scenes=tuple(scene for scene in scenes if scene.blocks or scene.place), title=title)


def _scene(words: str, line: int) -> Scene:
    words = _NUMBERED.sub("", words)
    found = scene_of(words, line)
    if found is not None:
        return found
    place, _, time = words.rpartition(" - ") if " - " in words else words.replace(" – ", ", ").rpartition(", ")
    return Scene(line=line, place=place or words, time=time if place else "")


def _paragraph(lines: list[str], index: int) -> tuple[list[tuple[int, str]], int]:
    """Lines up to a blank one, a heading, or the next item of a list; each with its number."""
    found: list[tuple[int, str]] = []
    while index < len(lines) and lines[index].strip() and not _HEADING.fullmatch(lines[index].strip()):
        line = lines[index].strip()
        item = re.match(r"(?:[-*+]|\d+[.)])\s+", line)
        if item and found:
            break
        found.append((index + 1, line[item.end() :] if item else line))
        index += 1
    return found, index


def _blocks(paragraph: list[tuple[int, str]], last: str | None) -> list[Block]:
    found: list[Block] = []
    for number, line in paragraph:
        quoted = line.startswith(">")
        words = line.lstrip("> ").strip()
        said = _SPEAKER.fullmatch(words)
        who = (said["bold"] or said["plain"]) if said else None
        if said and who and who.lower() not in _NOT_NAMES and (said["bold"] or who[0].isupper()):
            found.append(Dialogue(who=name_of(who), text=_line(said["line"]), line=number, manner=said["manner"] or ""))
            last = name_of(who)
        elif quoted and words:
            found.append(Dialogue(who=last, text=_line(words), line=number))
        elif re.fullmatch(r"(?:[A-Z' ]+ TO:|FADE (?:IN|OUT)[.:]?)", words):
            found.append(Cut(text=words, line=number))
        elif found and isinstance(found[-1], Action):
            found[-1] = Action(text=f"{found[-1].text} {plain(words)}", line=found[-1].line)
        elif words:
            found.append(Action(text=plain(words), line=number))
    return found


def _line(words: str) -> str:
    return plain(words).strip('"“”« »')
