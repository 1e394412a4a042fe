"""Who calls: keys and tokens that open, those that do not, and what a request is told of either."""

import asyncio
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from aiprod_server.access import identity, keys
from aiprod_server.access.audit_log import Author
from aiprod_server.access.identity import Caller, Identities
from aiprod_server.access.person import Person, TokenError
from aiprod_server.access.refused import Refused
from aiprod_server.problem import ProblemError
from aiprod_server.queue.clients import set_limits

PEPPER = bytes(32)
AUTHOR = Author(name="a test", key=bytes(32))
NOW_S = 1000.0


class Tokens:
    """A provider whose only good token is `ada`."""

    def person(self, token: str, *, now_s: float) -> Person:
        if token != "ada":
            raise TokenError("token: got another, expected ada")
        return Person(client="studio", subject="s" * 200, roles=frozenset({"creator"}))


@pytest.fixture
def refused() -> Refused:
    return Refused()


@pytest.fixture
def identities(engine: sa.Engine, refused: Refused) -> Identities:
    return Identities(engine, pepper=PEPPER, clock=lambda: NOW_S, requests_per_min=100, refused=refused)


@pytest.fixture
def mint(engine: sa.Engine) -> Callable[..., str]:
    def minted(*roles: str, expires_at_s: float | None = None) -> str:
        key, _ = keys.create(
            engine,
            client="ada",
            roles=roles or ["viewer"],
            pepper=PEPPER,
            author=AUTHOR,
            now_s=1.0,
            expires_at_s=expires_at_s,
        )
        return key.reveal()

    return minted


def caller(identities: Identities, text: str | None) -> Caller:
    return asyncio.run(identities.caller(text))


def refusal(identities: Identities, text: str | None) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        caller(identities, text)
    return caught.value


def test_a_key_is_its_clients_with_the_scopes_of_its_roles(identities: Identities, mint: Callable[..., str]) -> None:
    text = mint("viewer", "billing")
    found = caller(identities, text)
    assert (found.client, found.key_id) == ("ada", text[9:20])
    assert found.scopes == {"jobs:read", "usage:read", "costs:read"}
    assert caller(identities, text) == found


def test_what_is_no_key_is_challenged(identities: Identities) -> None:
    error = refusal(identities, None)
    assert (error.code, error.headers) == ("invalid_api_key", {"WWW-Authenticate": 'Bearer realm="aiprod"'})
    assert "aiprod keys create" in str(error)


@pytest.mark.parametrize("text", ["sk-123", "aip_live_", "aip_live_" + "0" * 60, "é", "eyJhbGciOiJub25lIn0.e30."])
def test_what_no_key_looks_like_asks_no_database(
    identities: Identities, engine: sa.Engine, refused: Refused, text: str
) -> None:
    engine.dispose()
    sa.event.listen(engine, "begin", _forbidden)
    error = refusal(identities, text)
    sa.event.remove(engine, "begin", _forbidden)
    assert 'error="invalid_token"' in error.headers["WWW-Authenticate"]
    assert refused._reasons == {"malformed": 1}


def _forbidden(connection: sa.Connection) -> None:
    raise AssertionError("the database was asked")


def test_a_key_of_another_pepper_or_of_nobody_is_unknown(
    engine: sa.Engine, identities: Identities, mint: Callable[..., str], refused: Refused
) -> None:
    text = mint()
    other = Identities(engine, pepper=bytes([1] * 32), clock=lambda: NOW_S, requests_per_min=100, refused=refused)
    stranger = keys.api_key.mint().reveal()
    assert "is unknown" in str(refusal(other, text))
    assert "is unknown" in str(refusal(identities, stranger))
    assert text[20:] not in str(refusal(other, text))
    assert refused._keys == {text[9:20]: 2, stranger[9:20]: 1}


def test_an_expired_key_says_so_to_its_owner(identities: Identities, mint: Callable[..., str]) -> None:
    assert "is expired" in str(refusal(identities, mint(expires_at_s=NOW_S)))


def test_a_revoked_key_is_refused_as_soon_as_it_is_forgotten(
    engine: sa.Engine, identities: Identities, mint: Callable[..., str]
) -> None:
    text = mint()
    found = caller(identities, text)
    keys.revoke(engine, found.key_id, author=AUTHOR, now_s=NOW_S)
    identities.forget(found.key_id)
    assert "is revoked" in str(refusal(identities, text))


def test_a_key_revoked_elsewhere_is_refused_after_a_second(
    engine: sa.Engine, identities: Identities, mint: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = mint()
    found = caller(identities, text)
    keys.revoke(engine, found.key_id, author=AUTHOR, now_s=NOW_S)
    real_s = identity.time.monotonic()
    monkeypatch.setattr(identity.time, "monotonic", lambda: real_s + identity.KEPT_S)
    refusal(identities, text)


def test_use_is_remembered_until_it_is_asked_for(identities: Identities, mint: Callable[..., str]) -> None:
    found = caller(identities, mint())
    assert identities.used() == {found.key_id: NOW_S}
    assert identities.used() == {}


def test_a_clients_own_rate_goes_before_the_services(
    engine: sa.Engine, identities: Identities, mint: Callable[..., str]
) -> None:
    set_limits(engine, "ada", max_requests_per_min=2)
    text = mint()
    caller(identities, text)
    caller(identities, text)
    error = refusal(identities, text)
    assert error.code == "rate_limited"
    assert int(error.headers["Retry-After"]) >= 1


def test_a_token_is_a_person_of_a_client(engine: sa.Engine) -> None:
    identities = Identities(engine, pepper=PEPPER, clock=lambda: NOW_S, requests_per_min=100, tokens=Tokens())
    found = caller(identities, "ada")
    assert (found.client, found.key_id, "jobs:submit" in found.scopes) == ("studio", "s" * 64, True)
    assert caller(identities, "ada") == found
    assert "expected ada" in str(refusal(identities, "bob"))
    assert "of another form" in str(refusal(identities, "aip_live_x"))
