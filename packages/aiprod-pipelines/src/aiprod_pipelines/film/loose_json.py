"""JSON as language models write it: in prose or a code fence, with stray commas, comments, odd quotes, or cut off.

Reads the first object of a text; what a strict parser reads, this reads alike. Knows nothing of what the object means.
"""

import json
import re
from typing import Any

DEEPEST = 40
_WORDS = {"true": True, "false": False, "null": None, "none": None, "nan": None}
_CLOSING = {'"': '"', "'": "'", "“": "”", "‘": "’"}
_SKIPPED = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/|#[^\n]*)*", re.DOTALL)
_BARE = re.compile(r"[^\s,:\]}\[{]+")
_ESCAPES = {"n": "\n", "t": "\t", "r": "", "b": "", "f": ""}
_LEFT_OUT = object()  # an item that was cut off


def first_object(text: str) -> dict[str, Any] | None:
    """The first object in `text`; None where there is none. Of what was cut off, what was whole is kept."""
    fenced = re.search(r"```(?:json|JSON)?\s*(\{.*)", text, re.DOTALL)
    begun = fenced.group(1) if fenced else text[text.find("{") :] if "{" in text else None
    if begun is None:
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(begun)
    except (ValueError, RecursionError):
        found = _Reader(begun).value()
    return found if isinstance(found, dict) else None


class _Reader:
    """Goes through a text once; never fails."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def value(self) -> Any:
        mark = self._peek()
        if mark in ("{", "["):
            if self._depth == DEEPEST:
                self._at = len(self._text)
                return None
            self._depth += 1
            found = self._object() if mark == "{" else self._array()
            self._depth -= 1
            return found
        if mark in _CLOSING:
            return self._string(_CLOSING[mark])
        bare = _BARE.match(self._text, self._at)
        if bare is None:
            self._at += 1
            return _LEFT_OUT if not self._text[self._at :] else None
        self._at = bare.end()
        return _plain(bare.group())

    def _peek(self) -> str:
        skipped = _SKIPPED.match(self._text, self._at)
        self._at = skipped.end() if skipped else self._at
        return self._text[self._at : self._at + 1]

    def _object(self) -> Any:
        self._at += 1
        found: dict[str, Any] = {}
        while (mark := self._peek()) != "}":
            if not mark:
                return found if self._depth == 1 else _LEFT_OUT
            if mark in ",]":
                self._at += 1
                continue
            key = self._string(_CLOSING[mark]) if mark in _CLOSING else self._bare()
            if self._peek() == ":":
                self._at += 1
            if not self._peek():
                return found if self._depth == 1 else _LEFT_OUT
            value = self.value()
            if value is not _LEFT_OUT and key is not _LEFT_OUT:
                found[str(key)] = value
            elif self._depth > 1:
                return _LEFT_OUT
        self._at += 1
        return found

    def _array(self) -> list[Any]:
        self._at += 1
        found: list[Any] = []
        while (mark := self._peek()) and mark != "]":
            if mark in ",}:":
                self._at += 1
                continue
            value = self.value()
            if value is not _LEFT_OUT:
                found.append(value)
        self._at += 1
        return found

    def _bare(self) -> Any:
        bare = _BARE.match(self._text, self._at)
        self._at = bare.end() if bare else self._at + 1
        return bare.group() if bare else _LEFT_OUT

    def _string(self, closing: str) -> Any:
        self._at += 1
        found: list[str] = []
        while self._at < len(self._text):
            letter = self._text[self._at]
            self._at += 1
            if letter == "\\" and self._at < len(self._text):
                found.append(self._escaped())
            elif letter == closing and self._closes():
                return "".join(found)
            else:
                found.append(" " if letter == "\n" else letter)
        return _LEFT_OUT

    def _escaped(self) -> str:
        letter = self._text[self._at]
        self._at += 1
        if letter == "u" and re.match(r"[0-9a-fA-F]{4}", self._text[self._at : self._at + 4]):
            self._at += 4
            return chr(int(self._text[self._at - 4 : self._at], 16))
        return _ESCAPES.get(letter, letter)

    def _closes(self) -> bool:
        """Whether a quotation mark ends the string, or is one in it that was not escaped."""
        rest = self._text[self._at :].lstrip()
        return not rest or rest[0] in ",:}]" or rest.startswith(("//", "/*", "#"))


def _plain(word: str) -> Any:
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    try:
        return int(word) if re.fullmatch(r"[+-]?\d+", word) else float(word)
    except ValueError:
        return word
