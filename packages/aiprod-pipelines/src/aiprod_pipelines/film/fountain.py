"""Fountain, the plain-text form of screenplays (fountain.io/syntax, version 1.1), as a `Screenplay`.

Reads scene headings, action, characters, dialogue, parentheticals, dual dialogue, transitions and the title page;
notes, boneyards, sections, synopses and page breaks are not part of the film. What is nothing else is action, so that
no text fails.
"""

import re

from aiprod_pipelines.film.screenplay import Action, Block, Card, Cut, Dialogue, Scene, Screenplay, name_of

HEADING = re.compile(r"(?P<where>INT\.?/EXT|EXT\.?/INT|I/E|INT|EXT|EST)(?:\.\s*|\s+)(?P<rest>.*)", re.IGNORECASE)
_TRANSITION = re.compile(
    r"(?:[A-Z' ]+ TO:|FADE (?:IN|OUT)[.:]?|FADE TO BLACK[.:]?|CUT TO BLACK[.:]?|FONDU [A-ZÀ-Ý ]+[.:]?)"
)
_EXTENSION = re.compile(r"\s*\(([^)]*)\)")
_EMPHASIS = re.compile(r"(?<!\\)(\*{1,3}|_)(?=\S)(.+?)(?<=\S)\1")
_TITLE_KEY = re.compile(r"([^\W\d_][^\W\d_ ]*(?: [^\W\d_]+)*) ?:\s*(.*)")
_KEYS = {"authors": "author", "titre": "title", "auteur": "author", "auteurs": "author", "crédit": "credit"}
_HIDDEN = re.compile(r"/\*.*?(?:\*/|\Z)|\[\[.*?(?:\]\]|\Z)", re.DOTALL)


def parse_fountain(text: str) -> Screenplay:
    """The screenplay in a text."""
    # What is hidden leaves its line breaks, so that lines keep their numbers.
    lines = _HIDDEN.sub(lambda match: "\n" * match.group().count("\n"), text).splitlines()
    page, body = _title_page(lines)
    scenes = [Scene(line=body + 1)]
    index = body
    while index < len(lines):
        line = lines[index]
        heading = None if not line.strip() else scene_of(line.strip(), index + 1)
        if heading is not None and (forced(line) or _blank(lines, index - 1)):
            scenes.append(heading)
            index += 1
            continue
        blocks, index = _block(lines, index)
        for block in blocks:
            scenes[-1] = scenes[-1].with_block(block)
    written = tuple(scene for scene in scenes if scene.blocks or scene.place)
    credit = f"{page['credit']} {page['author']}" if "credit" in page and "author" in page else page.get("author", "")
    return Screenplay(scenes=written, title=page.get("title", ""), credits=(credit,) if credit else ())


def forced(line: str) -> bool:
    """Whether a line is a scene heading because it begins with one full stop."""
    return re.match(r"\s*\.(?=[^\s.])", line) is not None


def scene_of(words: str, line: int) -> Scene | None:
    """The scene that a heading opens: "INT. KITCHEN - NIGHT", ".ROOFTOP - DAWN"; None for words that are no heading."""
    words = re.sub(r"\s*#[^#]+#\s*$", "", words)
    match = HEADING.fullmatch(words)
    if match is None and not forced(words):
        return None
    rest = match["rest"] if match else words[1:]
    place, _, time = (
        rest.rpartition(" - ") if " - " in rest else rest.rpartition(" – ") if " – " in rest else (rest, "", "")
    )
    where = match["where"].upper() if match else ""
    interior = None if not where or "/" in where else where == "INT"
    return Scene(line=line, place=plain(place), time=plain(time), interior=interior)


def plain(words: str) -> str:
    """Words without the marks of emphasis, on one line."""
    while (without := _EMPHASIS.sub(r"\2", words)) != words:
        words = without
    return " ".join(words.replace("\\*", "*").replace("\\_", "_").split())


def _title_page(lines: list[str]) -> tuple[dict[str, str], int]:
    """The keys of the title page in lower case, and the index of the first line after it."""
    if (
        not lines
        or not _TITLE_KEY.match(lines[0])
        or HEADING.fullmatch(lines[0])
        or _TRANSITION.fullmatch(lines[0].strip())
    ):
        return {}, 0
    page: dict[str, str] = {}
    key = ""
    for index, line in enumerate(lines):
        match = _TITLE_KEY.match(line)
        if not line.strip():
            return page, index + 1
        if match and not line[0].isspace():
            key = _KEYS.get(match.group(1).lower(), match.group(1).lower())
            page[key] = plain(match.group(2))
        elif key:
            page[key] = f"{page[key]} {plain(line)}".strip()
    return page, len(lines)


def _block(lines: list[str], index: int) -> tuple[list[Block], int]:
    """What begins at a line, and the index of the line after it."""
    line = lines[index].strip()
    if not line or re.match(r"#|=(?!=)|={3,}", line):
        return [], index + 1
    if line.startswith("!"):
        return _action(lines, index)
    if line.startswith(">"):
        centred = line.endswith("<")
        words = plain(line.strip("><"))
        return [Card(text=words, line=index + 1) if centred else Cut(text=words, line=index + 1)], index + 1
    alone = _blank(lines, index - 1) and _blank(lines, index + 1)
    if _TRANSITION.fullmatch(line) and alone:
        return [Cut(text=line, line=index + 1)], index + 1
    if _is_character(line) and _blank(lines, index - 1) and not _blank(lines, index + 1):
        return _dialogue(lines, index)
    return _action(lines, index)


def _is_character(line: str) -> bool:
    if line.startswith("@"):
        return True
    name = _EXTENSION.sub("", line).rstrip("^ ")
    return name.isupper() and any(letter.isalpha() for letter in name) and len(name) <= 40 and name[-1] not in "!?:"


def _dialogue(lines: list[str], index: int) -> tuple[list[Block], int]:
    """A character's lines; what stands after a parenthetical is a speech of its own."""
    head = lines[index].strip().removeprefix("@").rstrip("^ ")
    extensions = " ".join(_EXTENSION.findall(head)).upper()
    who = name_of(plain(_EXTENSION.sub("", head)))
    off_screen = any(mark in extensions for mark in ("V.O", "O.S", "O.C", "VO", "OFF"))
    found: list[Block] = []
    manner, said, began = "", list[str](), index + 1
    at = index + 1
    while at <= len(lines):
        line = lines[at].strip() if at < len(lines) else ""
        hush = re.fullmatch(r"\((.*)\)", line)
        if (not line or hush) and said:
            found.append(
                Dialogue(who=who, text=plain(" ".join(said)), line=began, manner=manner, off_screen=off_screen)
            )
            manner, said = "", []
        if at == len(lines) or (not line and lines[at] != "  "):
            break
        if hush:
            manner = plain(hush.group(1))
        elif line:
            began = began if said else at + 1
            said.append(line.removeprefix("~"))
        at += 1
    return found, at


def _action(lines: list[str], index: int) -> tuple[list[Block], int]:
    at = index
    while at < len(lines) and lines[at].strip():
        at += 1
    return [
        Action(text=plain(" ".join(line.strip().removeprefix("!") for line in lines[index:at])), line=index + 1)
    ], at


def _blank(lines: list[str], index: int) -> bool:
    return not 0 <= index < len(lines) or not lines[index].strip()
