"""How long words take to say, where no voice has said them yet: syllables at the speed of a language, and pauses."""

import re
from collections.abc import Sequence

from aiprod_core.errors import InputError

# Syllables a second of read speech: Pellegrino, Coupé, Marsico, "A Cross-Language Perspective on Speech Information
# Rate", Language 87(3), 2011, table 2, for en fr de es it; those of pt, ru and hi lie between and are ours.
SYLLABLES_PER_S = {"en": 6.19, "fr": 7.18, "de": 5.97, "es": 7.82, "it": 6.99, "pt": 6.6, "ru": 6.2, "hi": 6.4}
UNHURRIED = 0.65  # of that speed, as LJ Speech is read: there, estimates are right on average
PAUSES_S = {".": 0.4, "!": 0.4, "?": 0.4, "…": 0.5, ":": 0.3, ";": 0.3, ",": 0.2, "—": 0.25, "।": 0.4}
SHORTEST_S = 0.15  # of a word
VOWELS = re.compile(r"[aeiouyàâäáãåæèéêëìíîïòóôöõøœùúûüýÿаеёиоуыэюя]+", re.IGNORECASE)
SILENT_E = re.compile(r"[^aeiouyl]e[sd]?$", re.IGNORECASE)
DEVANAGARI = re.compile(r"[\u0904-\u0939\u0958-\u0961](?!\u094d)")  # a vowel, or a consonant that keeps its own


def speaking_s(text: str, language: str = "en") -> float:
    """Seconds that `text` takes to say. Raises `InputError` for a language that is not known."""
    return sum(word_times_s(text.split(), language))


def word_times_s(words: Sequence[str], language: str = "en") -> list[float]:
    """Seconds that each of `words` takes, with the pause that its punctuation asks for; none after the last."""
    if language not in SYLLABLES_PER_S:
        raise InputError(f"language: got {language!r}, expected one of {', '.join(SYLLABLES_PER_S)}")
    per_s = SYLLABLES_PER_S[language] * UNHURRIED
    said_s = [max(_syllables(word, language) / per_s, SHORTEST_S) for word in words]
    return [
        word_s + (PAUSES_S.get(word[-1], 0.0) if number < len(words) else 0.0)
        for number, (word, word_s) in enumerate(zip(words, said_s, strict=True), 1)
    ]


def _syllables(word: str, language: str) -> int:
    digits = sum(letter.isdigit() for letter in word)
    letters = word.strip(".,;:!?…\"'»«()—-")
    vowels = len(VOWELS.findall(letters)) + len(DEVANAGARI.findall(letters))
    silent = language in {"en", "fr"} and vowels > 1 and SILENT_E.search(letters) is not None
    return max(vowels - silent, 1) + 2 * max(digits - 1, 0)
