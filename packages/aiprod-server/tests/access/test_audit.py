import random
from dataclasses import replace

import pytest

from aiprod_core.errors import InputError
from aiprod_server.access.audit import Entry, Head, canonical, chained, head_of, verify

KEY = bytes(range(32))


def log(count: int = 8) -> list[Entry]:
    entries: list[Entry] = []
    for number in range(count):
        facts = {"at_s": 1_000 + number, "who": "aip_live_x", "what": f"key.revoke.{number}", "on": ["k", None, True]}
        entries.append(chained(entries[-1] if entries else None, facts, KEY))
    return entries


def test_a_log_as_it_was_sealed():
    entries = log()
    assert verify(entries, KEY) is None
    assert verify([], KEY) is None
    assert entries[3].facts()["what"] == "key.revoke.3"


def test_another_key_breaks_the_first_entry():
    assert verify(log(), KEY[::-1]) == 0


def test_every_changed_entry_is_found():
    entries = log()
    for index, entry in enumerate(entries):
        for changed in (
            replace(entry, text=entry.text.replace("revoke", "create")),
            replace(entry, seal=bytes([entry.seal[0] ^ 1]) + entry.seal[1:]),
            chained(entries[index - 1] if index else None, {"what": "other"}, bytes(32)),
        ):
            assert verify([*entries[:index], changed, *entries[index + 1 :]], KEY) == index


def test_every_entry_removed_from_inside_is_found():
    entries = log()
    for index in range(len(entries) - 1):
        assert verify(entries[:index] + entries[index + 1 :], KEY) == index


def test_every_swap_is_found():
    entries = log()
    for first in range(len(entries)):
        for second in range(first + 1, len(entries)):
            moved = entries.copy()
            moved[first], moved[second] = moved[second], moved[first]
            assert verify(moved, KEY) == first


def test_every_inserted_entry_is_found():
    entries = log()
    for index in range(len(entries) + 1):
        for stranger in (random.Random(index).choice(entries), Entry(text='{"what":"login"}', seal=bytes(32))):
            broken = verify([*entries[:index], stranger, *entries[index:]], KEY)
            assert broken is not None
            assert broken in (index, index + 1)  # a copy of the entry at its own place breaks the one after


def test_an_entry_rewritten_with_the_key_is_found_by_the_head():
    entries = log()
    head = head_of(entries)
    forged = [*entries[:-1], chained(entries[-2], {"what": "nothing"}, KEY)]
    assert verify(forged, KEY) is None
    assert verify(forged, KEY, head=head) == len(entries) - 1


def test_truncation_is_found_only_with_the_head():
    entries = log()
    head = head_of(entries)
    for left in range(len(entries)):
        assert verify(entries[:left], KEY) is None
        assert verify(entries[:left], KEY, head=head) == left


def test_growth_after_the_export_is_no_damage():
    entries = log()
    for count in range(len(entries) + 1):
        assert verify(entries, KEY, head=head_of(entries[:count])) is None


def test_head_is_read_back():
    for count in (0, 5):
        head = head_of(log(count))
        assert head.count == count
        assert Head.parse(head.text() + "\n") == head


@pytest.mark.parametrize("text", ["", "3", "3 abcd", "-1 " + "00" * 32, "x " + "00" * 32, "1 2 3"])
def test_damaged_heads(text):
    with pytest.raises(InputError, match="expected a count and 64 hex digits"):
        Head.parse(text)


def test_one_spelling():
    assert canonical({"b": 1, "a": {"é": [True, None]}}) == '{"a":{"\\u00e9":[true,null]},"b":1}'
    assert canonical({"b": 1, "a": 2}) == canonical({"a": 2, "b": 1})


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"cost": 0.1}, r"facts\.cost: got float"),
        ({"a": [1, {"b": b"x"}]}, r"facts\.a\[1\]\.b: got bytes"),
        ({1: "a"}, r"facts: got the key 1"),
    ],
)
def test_facts_without_a_canonical_form(facts, message):
    with pytest.raises(InputError, match=message):
        chained(None, facts, KEY)


def test_a_short_key_is_refused():
    with pytest.raises(InputError, match="got 5 bytes"):
        chained(None, {}, b"short")
