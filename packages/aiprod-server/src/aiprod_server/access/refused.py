"""Refused logins: counted as they come, and one entry of the audit log for those of a while.

An entry for each would let anybody fill the disk, so a flood is one entry with its numbers. Knows no request.
"""

import threading
from collections import Counter

import sqlalchemy as sa

from aiprod_server.access import audit_log
from aiprod_server.access.audit import Fact
from aiprod_server.access.audit_log import Author

MOST_KEYS = 20  # named in an entry; a flood of made-up ids says nothing more with more of them


class Refused:
    """Counts refused logins until they are written; for all threads."""

    def __init__(self) -> None:
        self._reasons: Counter[str] = Counter()
        self._keys: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, reason: str, key_id: str | None = None) -> None:
        """A login that was refused: `reason` is one of few words; `key_id` of the key, where it had the form of one."""
        with self._lock:
            self._reasons[reason] += 1
            if key_id is not None and (key_id in self._keys or len(self._keys) < MOST_KEYS):
                self._keys[key_id] += 1

    def flush(self, engine: sa.Engine, *, author: Author, now_s: float) -> int:
        """Write what was counted since the last time as one entry, if anything; how many logins it tells of."""
        with self._lock:
            reasons, keys = self._reasons, self._keys
            self._reasons, self._keys = Counter(), Counter()
        if reasons:
            facts: dict[str, Fact] = {"reasons": dict(reasons), "keys": dict(keys)}
            audit_log.note(engine, "logins refused", facts, author=author, now_s=now_s)
        return reasons.total()
