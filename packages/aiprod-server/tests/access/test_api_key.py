import random
import string
from dataclasses import replace

import pytest

from aiprod_core.errors import InputError
from aiprod_server.access.api_key import (
    ApiKey,
    KeyFormatError,
    KeyRecord,
    digest,
    mint,
    parse,
    refusal,
    revoked,
    rotated,
)

PEPPER = bytes(range(32))
NOW_S = 1_000_000.0


def record(key: ApiKey, **changes: object) -> KeyRecord:
    kept = KeyRecord(
        id=key.id, client="north", digest=digest(key, PEPPER), roles=frozenset({"creator"}), created_at_s=NOW_S - 100
    )
    return replace(kept, **changes)


@pytest.fixture
def key() -> ApiKey:
    return mint(random.Random(5).randbytes)


def test_text_is_read_back(key):
    again = parse(key.reveal())
    assert (again.id, again.secret) == (key.id, key.secret)
    assert key.reveal().startswith(f"aip_live_{key.id}_")


def test_keys_differ_without_a_generator():
    assert mint().secret != mint().secret


def test_every_mistyped_character_is_told_from_an_unknown_key(key):
    text = key.reveal()
    for at, letter in enumerate(text):
        other = next(c for c in string.ascii_letters if c != letter)
        with pytest.raises(KeyFormatError) as refused:
            parse(text[:at] + other + text[at + 1 :])
        assert key.secret[:8] not in str(refused.value)


def test_every_swap_of_neighbours_is_found(key):
    text = key.reveal()
    for at in range(len(text) - 1):
        if text[at] != text[at + 1]:
            with pytest.raises(KeyFormatError):
                parse(text[:at] + text[at + 1] + text[at] + text[at + 2 :])


@pytest.mark.parametrize("text", ["", "sk-abc", "aip_live_", "é" * 74, "aip_live_a_b\n", "x" * 1_000_000])
def test_other_texts_are_refused_without_being_quoted(text):
    with pytest.raises(KeyFormatError) as refused:
        parse(text)
    assert len(str(refused.value)) < 200


def test_a_line_end_is_not_part_of_a_key(key):
    with pytest.raises(KeyFormatError):
        parse(key.reveal() + "\n")


def test_no_way_of_printing_shows_the_secret(key):
    kept = record(key)
    for shown in (repr(key), str(key), f"{key}", key.prefix, repr(kept), str([key, kept])):
        assert key.secret not in shown
        assert repr(kept.digest) not in shown
    assert key.id in str(key)


def test_digest_depends_on_key_and_pepper(key):
    assert len(digest(key, PEPPER)) == 32
    assert digest(key, PEPPER) == digest(parse(key.reveal()), PEPPER)
    assert digest(key, PEPPER) != digest(key, PEPPER[::-1])
    assert digest(key, PEPPER) != digest(replace(key, secret=key.secret[::-1]), PEPPER)


def test_a_short_pepper_is_refused(key):
    with pytest.raises(InputError, match=r"got 31 bytes, expected at least 32"):
        digest(key, PEPPER[:31])


def test_refusals(key):
    stranger = replace(mint(random.Random(6).randbytes), id=key.id)
    kept = record(key)

    def of(asked: ApiKey, found: KeyRecord | None) -> str | None:
        return refusal(asked, found, pepper=PEPPER, now_s=NOW_S)

    assert of(key, kept) is None
    assert of(key, None) == "unknown"
    assert of(stranger, kept) == "unknown"
    assert of(key, revoked(kept, NOW_S)) == "revoked"
    assert of(stranger, revoked(kept, NOW_S)) == "unknown"
    assert of(key, replace(kept, expires_at_s=NOW_S)) == "expired"
    assert of(key, replace(kept, expires_at_s=NOW_S + 1)) is None


def test_a_key_is_revoked_once(key):
    once = revoked(record(key), NOW_S)
    assert revoked(once, NOW_S + 50) == once


def test_rotation_leaves_two_live_keys(key):
    generator = random.Random(7)
    keys = [record(mint(generator.randbytes), created_at_s=NOW_S - age_s) for age_s in (10, 30, 20)]
    successor = record(key, created_at_s=NOW_S)
    newest, oldest, middle, last = rotated(keys, successor, now_s=NOW_S, grace_s=3600)
    assert last == successor
    assert (oldest.revoked_at_s, middle.revoked_at_s) == (NOW_S, NOW_S)
    assert newest.is_live(NOW_S + 3599)
    assert not newest.is_live(NOW_S + 3600)
    assert sum(kept.is_live(NOW_S) for kept in (newest, oldest, middle, last)) == 2


def test_rotation_never_lengthens_a_life(key):
    short = record(mint(), expires_at_s=NOW_S + 60)
    dead = record(mint(), revoked_at_s=NOW_S - 1)
    kept = rotated([short, dead], record(key), now_s=NOW_S, grace_s=3600)
    assert kept[0] == short
    assert kept[1] == dead


def test_rotation_keeps_to_one_client(key):
    with pytest.raises(InputError, match="got keys of south with a successor of north"):
        rotated([record(mint(), client="south")], record(key), now_s=NOW_S, grace_s=0)
