"""Refused logins: a flood is one entry, with its numbers."""

import threading

import sqlalchemy as sa

from aiprod_server.access import audit_log
from aiprod_server.access.audit_log import Author
from aiprod_server.access.refused import MOST_KEYS, Refused

GATEWAY = Author(name="gateway", key=bytes(32))


def test_nothing_refused_writes_nothing(engine: sa.Engine) -> None:
    assert Refused().flush(engine, author=GATEWAY, now_s=1.0) == 0
    assert list(audit_log.entries(engine)) == []


def test_a_flood_is_one_entry_that_counts_all_and_names_few(engine: sa.Engine) -> None:
    refused = Refused()

    def flood() -> None:
        for number in range(500):
            refused.add("unknown", f"{number:011}")
        refused.add("expired", "00000000001")
        refused.add("malformed")

    threads = [threading.Thread(target=flood) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused.flush(engine, author=GATEWAY, now_s=1.0) == 2008
    assert refused.flush(engine, author=GATEWAY, now_s=2.0) == 0
    [entry] = audit_log.entries(engine)
    facts = entry.facts()
    assert facts["what"] == "logins refused"
    assert facts["reasons"] == {"unknown": 2000, "expired": 4, "malformed": 4}
    named = facts["keys"]
    assert isinstance(named, dict)
    assert (len(named), named["00000000001"]) == (MOST_KEYS, 8)
