"""The audit log as a chain: h_n = HMAC-SHA256(k, h_{n-1} ‖ canonical JSON), each entry sealed with all before it.

Knows no database: it seals facts and checks what was kept. The chain shows an entry that was changed, removed, moved or
inserted; entries cut from the end only show against a head that was exported before and is kept elsewhere.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aiprod_core.errors import InputError

GENESIS = bytes(hashlib.sha256().digest_size)
KEY_BYTES = 32

Fact = str | int | bool | None | list["Fact"] | dict[str, "Fact"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """`text`: canonical JSON of the facts, kept as it was sealed. `seal`: 32 bytes."""

    text: str
    seal: bytes

    def facts(self) -> dict[str, Fact]:
        facts: dict[str, Fact] = json.loads(self.text)
        return facts


@dataclass(frozen=True, kw_only=True)
class Head:
    """How long the log was and its last seal: what an operator exports, and keeps on another machine."""

    count: int
    seal: bytes = GENESIS

    def text(self) -> str:
        """One line, `<count> <seal in hex>`."""
        return f"{self.count} {self.seal.hex()}"

    @classmethod
    def parse(cls, text: str) -> "Head":
        """The head written as `text`. Raises `InputError`."""
        try:
            count, seal = text.split()
            head = cls(count=int(count), seal=bytes.fromhex(seal))
        except ValueError:
            head = None
        if head is None or head.count < 0 or len(head.seal) != len(GENESIS):
            raise InputError(
                f"audit head: got {text[:100]!r}, expected a count and 64 hex digits; use the line as exported"
            )
        return head


def chained(previous: Entry | None, facts: Mapping[str, Fact], key: bytes) -> Entry:
    """`facts`, sealed after `previous` (None for the first entry).

    Raises `InputError` for facts without a canonical form (a float, a key that is no string) and a short key.
    """
    text = canonical(facts)
    return Entry(text=text, seal=_seal(GENESIS if previous is None else previous.seal, text, key))


def seals(key: bytes, text: str, seal: bytes, *, previous: Entry | None = None) -> bool:
    """Whether `seal` is that of `text` after `previous`, None for the first. Raises `InputError` for a short key."""
    return hmac.compare_digest(seal, _seal(GENESIS if previous is None else previous.seal, text, key))


def verify(entries: Iterable[Entry], key: bytes, *, head: Head | None = None) -> int | None:
    """Index of the first entry, from 0 and oldest first, that is not as it was sealed; None where all are.

    With a `head` exported earlier, entries cut from the end are found too: the index is then that of the first one
    missing. A log that has grown since is whole.
    """
    last, count = GENESIS, 0
    for index, entry in enumerate(entries):
        sealed = hmac.compare_digest(entry.seal, _seal(last, entry.text, key))
        if not sealed or (head is not None and index == head.count - 1 and entry.seal != head.seal):
            return index
        last, count = entry.seal, index + 1
    return count if head is not None and count < head.count else None


def head_of(entries: Iterable[Entry]) -> Head:
    """The head to export; it says nothing of whether the log is whole: `verify` first."""
    head = Head(count=0)
    for entry in entries:
        head = Head(count=head.count + 1, seal=entry.seal)
    return head


def canonical(facts: Mapping[str, Fact]) -> str:
    """The one way to write `facts`: JSON in ASCII, keys sorted, no spaces, no floats. Raises `InputError`."""
    _check(dict(facts), "facts")
    return json.dumps(dict(facts), sort_keys=True, separators=(",", ":"))


def _check(value: object, at: str) -> None:
    match value:
        case None | bool() | int() | str():
            return
        case list():
            for index, item in enumerate(value):
                _check(item, f"{at}[{index}]")
        case dict():
            for name, item in value.items():
                if not isinstance(name, str):
                    raise InputError(f"audit {at}: got the key {name!r}, expected a string; name the fact in words")
                _check(item, f"{at}.{name}")
        case _:
            # A database may give 1e3 back as 1000: only what has one spelling can be sealed.
            raise InputError(
                f"audit {at}: got {type(value).__name__}, expected text, a whole number, true, false, null, a list or "
                "an object; write amounts as text or in a smaller unit"
            )


def _seal(previous: bytes, text: str, key: bytes) -> bytes:
    if len(key) < KEY_BYTES:
        raise InputError(
            f"audit key: got {len(key)} bytes, expected at least {KEY_BYTES}; make one with `openssl rand -hex 32`"
        )
    # The seal before has a fixed length, so no other pair of seal and text gives the same bytes.
    return hmac.digest(key, previous + text.encode(), hashlib.sha256)
