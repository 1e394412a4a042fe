"""An API key: minted, read back with its checksum, proven against what is stored, rotated.

Knows no database and no clock: records come in, records go out, and the time is an argument. The text of a key exists
only in the hands of its owner; here it never reaches a repr, a log or an error message.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from aiprod_core.errors import InputError

MARK = "aip_live"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase  # base62: a double click takes all of it
ID_BYTES, ID_CHARS = 8, 11
SECRET_BYTES, SECRET_CHARS = 32, 43
CHECKSUM_CHARS = 6  # 62⁶ > 2³²
PEPPER_BYTES = 32
SHAPE = re.compile(
    rf"{MARK}_([0-9A-Za-z]{{{ID_CHARS}}})_([0-9A-Za-z]{{{SECRET_CHARS}}})([0-9A-Za-z]{{{CHECKSUM_CHARS}}})"
)

Refusal = Literal["unknown", "revoked", "expired"]


class KeyFormatError(InputError):
    """A text that no key has: cut off, mistyped, or something else altogether."""


@dataclass(frozen=True, kw_only=True, eq=False)  # no ==: comparing secrets takes constant time, in `refusal`
class ApiKey:
    """`id` is public and finds the record; `secret` is 256 random bits in base62, shown to the owner once."""

    id: str
    secret: str = field(repr=False)

    @property
    def prefix(self) -> str:
        """What lists and logs show: enough to tell keys apart, nothing of the secret."""
        return f"{MARK}_{self.id}"

    def reveal(self) -> str:
        """`aip_live_<id>_<secret><crc32>`, to be shown once and then forgotten."""
        text = f"{self.prefix}_{self.secret}"
        return text + _checksum(text)

    def __str__(self) -> str:
        return f"{self.prefix}_…"


@dataclass(frozen=True, kw_only=True)
class KeyRecord:
    """What is kept of a key. Times are seconds since 1970; a key is live in [created, expires)."""

    id: str
    client: str
    name: str = ""  # the owner's own, to tell keys apart
    digest: bytes = field(repr=False)
    roles: frozenset[str]
    created_at_s: float
    expires_at_s: float | None = None
    revoked_at_s: float | None = None
    last_used_at_s: float | None = None

    def is_live(self, now_s: float) -> bool:
        return self.revoked_at_s is None and (self.expires_at_s is None or now_s < self.expires_at_s)


def mint(random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> ApiKey:
    """A new key. `random_bytes(n)` gives n bytes, from the operating system unless a test says otherwise."""
    return ApiKey(
        id=_base62(random_bytes(ID_BYTES), ID_CHARS), secret=_base62(random_bytes(SECRET_BYTES), SECRET_CHARS)
    )


def parse(text: str) -> ApiKey:
    """The key written as `text`. Raises `KeyFormatError`, without asking a database, where a character is wrong."""
    shape = SHAPE.fullmatch(text)
    if shape is None:
        raise KeyFormatError(
            f"API key: got {len(text)} characters of another form, expected {MARK}_<id>_<secret>; copy the whole key"
        )
    key = ApiKey(id=shape[1], secret=shape[2])
    if not hmac.compare_digest(text.encode(), key.reveal().encode()):
        raise KeyFormatError(
            "API key: got a text whose checksum does not fit, expected a key exactly as it was shown; "
            "look for a mistyped character"
        )
    return key


def digest(key: ApiKey, pepper: bytes) -> bytes:
    """HMAC-SHA256(pepper, key), 32 bytes: what is stored. With 256 random bits a slow hash would only slow the server.

    Raises `InputError` for a pepper under 32 bytes.
    """
    if len(pepper) < PEPPER_BYTES:
        raise InputError(
            f"pepper: got {len(pepper)} bytes, expected at least {PEPPER_BYTES}; make one with `openssl rand -hex 32`"
        )
    return hmac.digest(pepper, key.reveal().encode(), hashlib.sha256)


def refusal(key: ApiKey, record: KeyRecord | None, *, pepper: bytes, now_s: float) -> Refusal | None:
    """Why `key` opens nothing, or None where it is good. `record`: what is stored under its id, if anything.

    An id nobody has takes as long as a wrong secret; only the owner of a key learns that it is expired or revoked.
    """
    stored = record.digest if record is not None else bytes(hashlib.sha256().digest_size)
    proven = hmac.compare_digest(digest(key, pepper), stored)
    if record is None or not proven:
        return "unknown"
    if record.revoked_at_s is not None:
        return "revoked"
    return None if record.is_live(now_s) else "expired"


def revoked(record: KeyRecord, now_s: float) -> KeyRecord:
    """`record`, closed for good; one that was revoked before keeps its time."""
    return record if record.revoked_at_s is not None else replace(record, revoked_at_s=now_s)


def rotated(
    records: Sequence[KeyRecord], successor: KeyRecord, *, now_s: float, grace_s: float
) -> tuple[KeyRecord, ...]:
    """`records` of one client and their `successor`, of which at most two are live.

    The newest live key goes on for `grace_s`, so that a client can change over without a pause; older ones end now.
    Raises `InputError` for the key of another client.
    """
    if strangers := {record.client for record in records} - {successor.client}:
        raise InputError(
            f"key rotation: got keys of {', '.join(sorted(strangers))} with a successor of {successor.client}, "
            "expected one client; rotate each client's keys by themselves"
        )
    live = sorted((record for record in records if record.is_live(now_s)), key=lambda record: record.created_at_s)
    newest = live[-1] if live else None
    kept = []
    for record in records:
        if record is newest:
            ends = [now_s + grace_s, *([] if record.expires_at_s is None else [record.expires_at_s])]
            record = replace(record, expires_at_s=min(ends))
        elif record.is_live(now_s):
            record = revoked(record, now_s)
        kept.append(record)
    return (*kept, successor)


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode()).to_bytes(4, "big"), CHECKSUM_CHARS)


def _base62(content: bytes, width: int) -> str:
    value, digits = int.from_bytes(content, "big"), []
    for _ in range(width):
        value, digit = divmod(value, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))
