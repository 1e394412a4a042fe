"""Keys in a database: created, found, ended; a name has two live keys at most, whoever asks at once."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from aiprod_core.errors import InputError
from aiprod_server.access import api_key, audit_log, keys
from aiprod_server.access.api_key import ApiKey, KeyRecord
from aiprod_server.access.audit_log import Author
from aiprod_server.database import reading
from aiprod_server.tables import api_keys, clients

PEPPER = bytes(range(32))
ADA = Author(name="operator ada", key=bytes(32))
NOW_S = 1_000_000.0


def create(engine: sa.Engine, client: str = "north", now_s: float = NOW_S, **asked: object) -> tuple[ApiKey, KeyRecord]:
    given = {"roles": ["creator"], "pepper": PEPPER, "author": ADA} | asked
    return keys.create(engine, client=client, now_s=now_s, **given)  # type: ignore[arg-type]


def rotate(engine: sa.Engine, key_id: str, now_s: float, **asked: float) -> tuple[ApiKey, KeyRecord]:
    return keys.rotate(engine, key_id, pepper=PEPPER, author=ADA, now_s=now_s, **asked)


def written(engine: sa.Engine) -> list[str]:
    return [str(entry.facts()["what"]) for entry in audit_log.entries(engine)]


def live(engine: sa.Engine, now_s: float) -> list[str]:
    return [record.id for record in keys.records(engine) if record.is_live(now_s)]


def test_a_key_is_found_and_proven_and_its_secret_is_nowhere(engine: sa.Engine) -> None:
    key, record = create(engine, roles=["creator", "viewer"], name="laptop", expires_at_s=NOW_S + 10)
    assert keys.find(engine, key.id) == record
    assert (record.client, record.name, record.roles) == ("north", "laptop", {"creator", "viewer"})
    assert api_key.refusal(api_key.parse(key.reveal()), record, pepper=PEPPER, now_s=NOW_S + 9) is None
    assert api_key.refusal(key, record, pepper=PEPPER, now_s=NOW_S + 10) == "expired"
    with reading(engine) as connection:
        kept = str(connection.execute(sa.select(api_keys)).all())
        assert connection.scalar(sa.select(clients.c.name)) == "north"
    [entry] = audit_log.entries(engine)
    assert key.secret not in kept + entry.text
    assert entry.facts() | {"what": "key created", "key": key.id, "client": "north"} == entry.facts()


def test_an_unknown_id_is_none(engine: sa.Engine) -> None:
    assert keys.find(engine, "0" * 11) is None
    for act in (
        lambda: keys.revoke(engine, "0" * 11, author=ADA, now_s=NOW_S),
        lambda: rotate(engine, "0" * 11, NOW_S),
    ):
        with pytest.raises(keys.UnknownKey, match="no key '00000000000'; check the id"):
            act()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"roles": []}, "got none, expected at least one"),
        ({"roles": ["god"]}, "got 'god', expected one of viewer"),
        ({"client": ""}, "expected 1 to 64 letters"),
        ({"client": "../up"}, "expected 1 to 64 letters"),
        ({"client": "a" * 65}, "expected 1 to 64 letters"),
        ({"name": "a\nb"}, "without control characters"),
        ({"name": "a" * 65}, "up to 64 characters"),
        ({"expires_at_s": NOW_S}, "expected a time after now"),
        ({"pepper": b"short"}, "expected at least 32"),
    ],
)
def test_what_cannot_be_a_key_is_refused_and_nothing_is_written(
    engine: sa.Engine, asked: dict[str, object], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        create(engine, **asked)  # type: ignore[arg-type]
    assert (keys.records(engine), written(engine)) == ((), [])


def test_records_are_listed_by_client_and_age(engine: sa.Engine) -> None:
    made = [
        create(engine, client, now_s=NOW_S + n)[0].id for n, client in enumerate(["north", "south", "north", "south"])
    ]
    assert [record.id for record in keys.records(engine)] == made
    assert [record.id for record in keys.records(engine, "south")] == made[1::2]
    assert keys.records(engine, "nobody") == ()


def test_a_name_is_one_live_key(engine: sa.Engine) -> None:
    first, _ = create(engine, name="ci")
    with pytest.raises(keys.KeyConflict, match="got 'ci', which a live key of north has"):
        create(engine, name="ci")
    create(engine, "south", name="ci")
    keys.revoke(engine, first.id, author=ADA, now_s=NOW_S)
    create(engine, name="ci")


def test_a_revoked_key_is_closed_for_good(engine: sa.Engine) -> None:
    key, record = create(engine)
    ended = keys.revoke(engine, key.id, author=ADA, now_s=NOW_S + 5)
    assert keys.revoke(engine, key.id, author=ADA, now_s=NOW_S + 9) == ended == keys.find(engine, key.id)
    assert ended.revoked_at_s == NOW_S + 5
    assert api_key.refusal(key, ended, pepper=PEPPER, now_s=NOW_S + 6) == "revoked"
    assert written(engine) == ["key created", "key revoked"]
    with pytest.raises(InputError, match="has ended"):
        rotate(engine, record.id, NOW_S + 6)


def test_a_rotation_leaves_two_live_keys_and_the_grace_ends(engine: sa.Engine) -> None:
    first, _ = create(engine, name="ci", roles=["viewer"])
    second, record = rotate(engine, first.id, NOW_S + 10, grace_s=100)
    assert (record.client, record.name, record.roles) == ("north", "ci", {"viewer"})
    assert live(engine, NOW_S + 109) == [first.id, second.id]
    assert live(engine, NOW_S + 110) == [second.id]
    third, _ = rotate(engine, second.id, NOW_S + 20, grace_s=100)
    assert live(engine, NOW_S + 21) == [second.id, third.id]
    assert written(engine) == ["key created", "key rotated", "key rotated"]


def test_other_names_are_left_alone_by_a_rotation(engine: sa.Engine) -> None:
    laptop, _ = create(engine, name="laptop")
    ci, _ = create(engine, name="ci", now_s=NOW_S + 1)
    successor, _ = rotate(engine, laptop.id, NOW_S + 2, grace_s=0)
    assert live(engine, NOW_S + 3) == [ci.id, successor.id]


def test_an_older_key_of_a_name_is_not_rotated(engine: sa.Engine) -> None:
    first, _ = create(engine)
    second, _ = rotate(engine, first.id, NOW_S)  # in the very same moment
    with pytest.raises(InputError, match=f"expected its successor {second.id}"):
        rotate(engine, first.id, NOW_S - 5)
    third, _ = rotate(engine, second.id, NOW_S - 5)  # by a gateway whose clock is late
    assert live(engine, NOW_S) == [second.id, third.id]
    with pytest.raises(InputError, match="grace: got -1 s"):
        rotate(engine, third.id, NOW_S, grace_s=-1)


def test_a_successor_lasts_as_long(engine: sa.Engine) -> None:
    key, _ = create(engine, expires_at_s=NOW_S + 1000)
    _, successor = rotate(engine, key.id, NOW_S + 900)
    assert successor.expires_at_s == NOW_S + 1900
    assert live(engine, NOW_S + 1000) == [successor.id]


def at_once(act: Callable[[int], object]) -> list[Exception]:
    """What went wrong where 8 threads did the same at once."""

    def tried(number: int) -> Exception | None:
        try:
            act(number)
        except InputError as error:
            return error
        return None

    with ThreadPoolExecutor(8) as pool:
        return [error for error in pool.map(tried, range(8)) if error is not None]


def test_rotations_at_once_make_one_successor(engine: sa.Engine) -> None:
    key, _ = create(engine)
    refused = at_once(lambda number: rotate(engine, key.id, NOW_S + number))
    assert len(refused) == 7
    assert len(live(engine, NOW_S + 10)) == 2
    assert audit_log.first_broken(engine, ADA.key) is None


def test_keys_of_one_name_created_at_once_are_one(engine: sa.Engine) -> None:
    assert len(at_once(lambda number: create(engine, name="ci", now_s=NOW_S + number))) == 7
    assert len(keys.records(engine)) == 1


def test_last_use_only_moves_forward(engine: sa.Engine) -> None:
    ids = [create(engine)[0].id for _ in range(3)]
    keys.touch(engine, {})
    keys.touch(engine, {ids[0]: NOW_S + 5, ids[1]: NOW_S + 6, "nobody": NOW_S})
    keys.touch(engine, {ids[0]: NOW_S + 4, ids[1]: NOW_S + 7})
    used = {record.id: record.last_used_at_s for record in keys.records(engine)}
    assert used == {ids[0]: NOW_S + 5, ids[1]: NOW_S + 7, ids[2]: None}


def test_another_pepper_is_noticed_while_its_keys_live(engine: sa.Engine) -> None:
    other = random.Random(1).randbytes(32)
    keys.check_pepper(engine, PEPPER, now_s=NOW_S)
    key, _ = create(engine)
    create(engine, expires_at_s=NOW_S + 10)
    create(engine, pepper=other, name="new")
    with pytest.raises(InputError, match="1 of 3 live keys were made with another one and would all stop"):
        keys.check_pepper(engine, PEPPER, now_s=NOW_S)
    with pytest.raises(InputError, match="2 of 3 live keys"):
        keys.check_pepper(engine, other, now_s=NOW_S)
    with pytest.raises(InputError, match="1 of 2 live keys"):
        keys.check_pepper(engine, other, now_s=NOW_S + 10)
    keys.revoke(engine, key.id, author=ADA, now_s=NOW_S)
    keys.check_pepper(engine, other, now_s=NOW_S + 10)
