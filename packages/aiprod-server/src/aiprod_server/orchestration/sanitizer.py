"""The agent inputSanitizer: text as it may go on into a prompt, a file or a log. Pure; the gateway asks it too.

What it gives, it gives back unchanged when asked again.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any

from aiprod_core.errors import InputError
from aiprod_server.orchestration.blocks import InputSanitizer

# Embeddings, overrides and isolates of UAX 9, by which a text reads otherwise than it is (CVE-2021-42574). The marks
# LRM, RLM and ALM, which only settle where a full stop belongs, are let through.
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
LINE_ENDS = ("\r\n", "\r", "\x85", "\u2028", "\u2029")
MOST_SHRINKING = 4  # characters that normalisation may make one of: UAX 15, table of expansion factors
MAX_DEPTH = 12  # of a storyboard's lists and fields


class FieldError(InputError):
    """A request with a field that is not as it must be. `field`: its path, as `storyboard.shots.0.prompt`."""

    def __init__(self, field: str, told: str) -> None:
        super().__init__(f"{field}: {told}")
        self.field = field


def sanitised(request: Mapping[str, Any], rules: InputSanitizer) -> dict[str, Any]:
    """The request with all of its texts clean.

    Raises:
        FieldError: a text that is empty, too long, or has characters that no text has.
    """
    clean = dict(request)
    is_film = request.get("kind") == "film"
    longest = rules.max_screenplay_chars if is_film else rules.max_prompt_chars
    if request.get("prompt") is not None:
        clean["prompt"] = clean_text(request["prompt"], "prompt", rules, longest, lines=is_film)
    if request.get("negative_prompt"):
        clean["negative_prompt"] = clean_text(
            request["negative_prompt"], "negative_prompt", rules, rules.max_prompt_chars
        )
    if request.get("storyboard") is not None:
        clean["storyboard"] = _clean_tree(request["storyboard"], "storyboard", rules, MAX_DEPTH)
    return clean


def clean_text(text: Any, field: str, rules: InputSanitizer, most: int, *, lines: bool = False) -> str:
    """One text, normalised, without space around it; line ends are spaces, or with `lines` each one \\n.

    Raises:
        FieldError: it is empty, longer than `most` characters, or has characters that no text has.
    """
    if not isinstance(text, str):
        raise FieldError(field, f"got {type(text).__name__}, expected words")
    if len(text) > MOST_SHRINKING * most:  # a megabyte is not read to the end
        raise FieldError(field, f"got {len(text)} characters, expected at most {most}; shorten it")
    clean = _within(text, field, rules)
    if not lines:
        clean = clean.replace("\n", " ").replace("\t", " ")
    clean = clean.strip()
    if not clean:
        raise FieldError(field, "got an empty one, expected words; say what is to be seen")
    if len(clean) > most:
        raise FieldError(field, f"got {len(clean)} characters, expected at most {most}; shorten it")
    return clean


def _within(text: str, field: str, rules: InputSanitizer) -> str:
    text = text.removeprefix("\ufeff")
    for end in LINE_ENDS:
        text = text.replace(end, "\n")
    for at, letter in enumerate(text):
        if letter in "\n\t":
            continue
        kind = unicodedata.category(letter)
        if kind == "Cc":
            raise FieldError(field, f"got the control character U+{ord(letter):04X} at {at}; take it out")
        if kind == "Cs":
            raise FieldError(field, f"got half a character, U+{ord(letter):04X}, at {at}; send it in whole UTF-8")
        if rules.reject_bidi_controls and letter in BIDI_CONTROLS:
            raise FieldError(
                field, f"got U+{ord(letter):04X} at {at}, which turns the direction of the text around it; take it out"
            )
    return unicodedata.normalize(rules.normalization, text)


def _clean_tree(value: Any, field: str, rules: InputSanitizer, depth: int) -> Any:
    """A storyboard with every name and text in it clean; texts in it may be empty."""
    if depth == 0:
        raise FieldError(field, "got fields nested too deep; take some out")
    match value:
        case str():
            if len(value) > rules.max_screenplay_chars:
                told = f"got {len(value)} characters, expected at most {rules.max_screenplay_chars}; shorten it"
                raise FieldError(field, told)
            return _within(value, field, rules)
        case dict():
            return {
                _within(str(name), field, rules): _clean_tree(inner, f"{field}.{name}", rules, depth - 1)
                for name, inner in value.items()
            }
        case list():
            return [_clean_tree(inner, f"{field}.{number}", rules, depth - 1) for number, inner in enumerate(value)]
    return value
