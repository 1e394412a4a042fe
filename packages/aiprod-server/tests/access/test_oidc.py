"""Tokens with real keys: those of the provider open what they should, and every trick of the trade opens nothing."""

import base64
import hashlib
import hmac
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwk, jws, jwt
from joserfc.jwk import ECKey, RSAKey

from aiprod_core.errors import AiprodError, InputError
from aiprod_server.access import oidc
from aiprod_server.access.oidc import Person, Provider, TokenError, Verifier

NOW_S = 1_800_000_000.0
GOOD = {
    "iss": "https://login.example",
    "aud": "aiprod",
    "sub": "ada",
    "client": "north",
    "roles": ["aiprod-creator", "aiprod-viewer", "admin", "aiprod-god"],
    "iat": NOW_S,
    "exp": NOW_S + 300,
}


@pytest.fixture(scope="module")
def rsa() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})


@pytest.fixture(scope="module")
def other() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "two"})


@pytest.fixture(scope="module")
def curve() -> ECKey:
    return ECKey.generate_key("P-256", {"kid": "curve"})


def publish(path: Path, *keys: jwk.Key) -> None:
    path.write_text(json.dumps({"keys": [key.as_dict(private=False) for key in keys]}))


def signed(key: jwk.Key, header: dict[str, Any] | None = None, algorithm: str = "RS256", **changes: Any) -> str:
    """A token with the claims of GOOD; a change to None leaves a claim out."""
    claims = {name: value for name, value in (GOOD | changes).items() if value is not None}
    head = {"alg": algorithm, "kid": key.kid} | (header or {})
    return jwt.encode({name: value for name, value in head.items() if value is not None}, claims, key, [algorithm])


def written(header: object, payload: object, signature: bytes = b"") -> str:
    """A token from its parts, whatever they are."""

    def encoded(part: bytes) -> str:
        return base64.urlsafe_b64encode(part).rstrip(b"=").decode()

    return ".".join(encoded(part) for part in (json.dumps(header).encode(), json.dumps(payload).encode(), signature))


@pytest.fixture
def jwks(tmp_path: Path, rsa: RSAKey) -> Path:
    path = tmp_path / "jwks.json"
    publish(path, rsa)
    return path


@pytest.fixture
def provider(jwks: Path) -> Provider:
    return Provider(issuer="https://login.example", audience="aiprod", jwks=str(jwks))


@pytest.fixture
def verifier(provider: Provider) -> Verifier:
    return Verifier(provider)


def test_a_good_token_says_who_and_what(verifier: Verifier, rsa: RSAKey) -> None:
    known = frozenset({"creator", "viewer"})
    expected = Person(client="north", subject="ada", roles=known)
    assert verifier.person(signed(rsa), now_s=NOW_S) == expected
    assert verifier.person(signed(rsa, aud=["mail", "aiprod"]), now_s=NOW_S) == expected
    assert verifier.person(signed(rsa, {"kid": None}), now_s=NOW_S) == expected  # there is only one key
    assert verifier.person(signed(rsa, roles="aiprod-viewer openid aiprod-creator"), now_s=NOW_S) == expected


@pytest.mark.parametrize("roles", [None, [], "", 7, {"a": 1}, [["aiprod-admin"]], ["admin"]])
def test_without_our_roles_a_token_opens_nothing(verifier: Verifier, rsa: RSAKey, roles: object) -> None:
    assert verifier.person(signed(rsa, roles=roles), now_s=NOW_S).roles == frozenset()


def test_claims_inside_claims(provider: Provider, rsa: RSAKey) -> None:
    nested = replace(
        provider, roles_claim="realm_access.roles", client_claim="https://x.example/client", roles_prefix=""
    )
    token = signed(rsa, roles=None, realm_access={"roles": ["billing"]}, **{"https://x.example/client": "south"})
    assert Verifier(nested).person(token, now_s=NOW_S) == Person(
        client="south", subject="ada", roles=frozenset({"billing"})
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"iss": "https://evil.example"}, "claim iss"),
        ({"iss": None}, "claim iss"),
        ({"iss": ["https://login.example"]}, "claim iss"),
        ({"aud": "mail"}, "claim aud"),
        ({"aud": ["mail", "films"]}, "claim aud"),
        ({"aud": None}, "claim aud"),
        ({"aud": {"aiprod": True}}, "claim aud"),
        ({"exp": NOW_S - 61}, "expired"),
        ({"exp": None}, "claim exp"),
        ({"exp": "9999999999"}, "claim exp"),
        ({"exp": True}, "claim exp"),
        ({"exp": float("nan")}, "claim exp"),
        ({"nbf": NOW_S + 61}, "claim nbf"),
        ({"iat": NOW_S + 61}, "claim iat"),
        ({"sub": None}, "claim sub"),
        ({"sub": 7}, "claim sub"),
        ({"sub": "a\nb"}, "claim sub"),
        ({"sub": "a" * 256}, "claim sub"),
        ({"client": None}, "claim client"),
        ({"client": "../etc"}, "claim client"),
        ({"client": ["north"]}, "claim client"),
    ],
)
def test_a_claim_that_is_not_as_it_must_be(verifier: Verifier, rsa: RSAKey, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(TokenError, match=said):
        verifier.person(signed(rsa, **changes), now_s=NOW_S)


def test_clocks_may_differ_by_a_minute(verifier: Verifier, rsa: RSAKey) -> None:
    for changes in ({"exp": NOW_S - 59}, {"nbf": NOW_S + 60}, {"iat": NOW_S + 60}):
        assert verifier.person(signed(rsa, **changes), now_s=NOW_S).subject == "ada"


@pytest.mark.parametrize("name", ["none", "None", "nOnE", ""])
def test_no_algorithm_is_no_signature(verifier: Verifier, name: str) -> None:
    for signature in (b"", b"x"):
        with pytest.raises(TokenError, match="another algorithm, expected RS256"):
            verifier.person(written({"alg": name, "kid": "one"}, GOOD, signature), now_s=NOW_S)


def test_the_public_key_is_no_shared_secret(verifier: Verifier, rsa: RSAKey, jwks: Path) -> None:
    for secret in (rsa.as_pem(private=False), rsa.as_der(private=False), jwks.read_bytes()):
        head = {"alg": "HS256", "kid": "one"}
        body = written(head, GOOD).rsplit(".", 1)[0]
        token = written(head, GOOD, hmac.digest(secret, body.encode(), hashlib.sha256))
        with pytest.raises(TokenError, match="another algorithm"):
            verifier.person(token, now_s=NOW_S)


def test_an_algorithm_of_another_family_or_strength_is_refused(
    provider: Provider, rsa: RSAKey, curve: ECKey, jwks: Path
) -> None:
    publish(jwks, rsa, curve)
    verifier = Verifier(replace(provider, algorithm="ES256"))
    assert verifier.person(signed(curve, algorithm="ES256"), now_s=NOW_S).subject == "ada"
    for token in (signed(rsa), signed(rsa, algorithm="RS512"), signed(rsa, algorithm="PS256")):
        with pytest.raises(TokenError, match="another algorithm, expected ES256"):
            verifier.person(token, now_s=NOW_S)
    forged = written({"alg": "ES256", "kid": "one"}, GOOD, b"\0" * 64)  # an RSA key, asked for by the name of a curve
    with pytest.raises(TokenError, match="signature does not fit"):
        verifier.person(forged, now_s=NOW_S)


def test_signatures_of_zeros_do_not_fit_a_curve(provider: Provider, curve: ECKey, jwks: Path) -> None:
    publish(jwks, curve)
    verifier = Verifier(replace(provider, algorithm="ES256"))
    for signature in (b"", b"\0" * 64, b"\0" * 63 + b"\1", b"\xff" * 64):
        with pytest.raises(TokenError, match="signature does not fit"):
            verifier.person(written({"alg": "ES256", "kid": "curve"}, GOOD, signature), now_s=NOW_S)


def test_another_key_under_the_same_name(verifier: Verifier, other: RSAKey) -> None:
    with pytest.raises(TokenError, match="signature does not fit"):
        verifier.person(signed(other, {"kid": "one"}), now_s=NOW_S)


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u"])
def test_a_key_that_the_token_brings_is_not_used(verifier: Verifier, other: RSAKey, member: str) -> None:
    brought = other.as_dict(private=False) if member == "jwk" else "https://evil.example/jwks.json"
    with pytest.raises(TokenError, match=r"signed JSON Web Token|signature does not fit"):
        verifier.person(signed(other, {"kid": "one", member: brought}), now_s=NOW_S)


def test_a_changed_letter_is_noticed(verifier: Verifier, rsa: RSAKey) -> None:
    head, payload, signature = signed(rsa).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    changed = base64.urlsafe_b64encode(json.dumps(claims | {"client": "south"}).encode()).rstrip(b"=").decode()
    with pytest.raises(TokenError, match="signature does not fit"):
        verifier.person(f"{head}.{changed}.{signature}", now_s=NOW_S)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "é.é.é",
        written([], {}),
        written(["alg"], {}),
        written("alg", {}),
        written({}, {}),
        written({"alg": ["RS256"]}, {}),
        written({"alg": "RS256", "kid": ["one"]}, GOOD),
        written({"alg": "RS256", "kid": {"a": 1}}, GOOD),
        written({"alg": "RS256", "kid": "one", "crit": ["exp"]}, GOOD),
        written({"alg": "RS256", "kid": "one", "b64": False, "crit": ["b64"]}, GOOD),
        written({"alg": "RS256", "kid": "one", "x": "y" * 400}, GOOD),
        "[" * 300 + "." + "." + "",
        base64.urlsafe_b64encode(b"[" * 380).decode() + ".e30.e30",
        "a" * 20_000,
    ],
)
def test_what_is_no_token_is_refused_in_one_way(verifier: Verifier, text: str) -> None:
    with pytest.raises(TokenError, match=r"^token: "):
        verifier.person(text, now_s=NOW_S)


@pytest.mark.parametrize("payload", [[], "x", 7, None])
def test_a_signed_payload_that_is_no_object(verifier: Verifier, rsa: RSAKey, payload: object) -> None:
    token = jws.serialize_compact({"alg": "RS256", "kid": "one"}, json.dumps(payload).encode(), rsa, ["RS256"])
    with pytest.raises(TokenError):
        verifier.person(token, now_s=NOW_S)
    deep = jws.serialize_compact({"alg": "RS256", "kid": "one"}, b"[" * 10_000, rsa, ["RS256"])
    with pytest.raises(TokenError):
        verifier.person(deep, now_s=NOW_S)


def test_a_new_key_is_found_and_a_withdrawn_one_is_refused(
    verifier: Verifier, rsa: RSAKey, other: RSAKey, jwks: Path
) -> None:
    old, new = (signed(key, exp=NOW_S + 10_000) for key in (rsa, other))
    assert verifier.person(old, now_s=NOW_S).subject == "ada"
    publish(jwks, other)
    with pytest.raises(TokenError, match="signature does not fit"):
        verifier.person(new, now_s=NOW_S + 59)  # too soon to look again
    assert verifier.person(old, now_s=NOW_S + 59).subject == "ada"
    assert verifier.person(new, now_s=NOW_S + 60).subject == "ada"
    with pytest.raises(TokenError, match="signature does not fit"):
        verifier.person(old, now_s=NOW_S + 61)


def test_a_withdrawn_key_is_refused_within_the_hour_although_nobody_has_a_new_one(
    verifier: Verifier, rsa: RSAKey, other: RSAKey, jwks: Path
) -> None:
    token = signed(rsa, exp=NOW_S + 10_000)
    verifier.person(token, now_s=NOW_S)
    publish(jwks, other)
    assert verifier.person(token, now_s=NOW_S + 3599).subject == "ada"
    with pytest.raises(TokenError, match="signature does not fit"):
        verifier.person(token, now_s=NOW_S + 3600)


def test_keys_that_cannot_be_read_leave_those_that_were(
    verifier: Verifier, rsa: RSAKey, jwks: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token = signed(rsa, exp=NOW_S + 10_000)
    verifier.person(token, now_s=NOW_S)
    jwks.write_text("{}")
    assert verifier.person(token, now_s=NOW_S + 3600).subject == "ada"
    assert "expected a JSON Web Key Set" in caplog.text


def test_without_any_keys_nothing_opens_until_they_come(provider: Provider, rsa: RSAKey, jwks: Path) -> None:
    jwks.unlink()
    verifier = Verifier(provider)
    for now_s in (NOW_S, NOW_S + 59):
        with pytest.raises(TokenError, match="cannot be read now; try again later"):
            verifier.person(signed(rsa), now_s=now_s)
        publish(jwks, rsa)
    assert verifier.person(signed(rsa), now_s=NOW_S + 60).subject == "ada"


def test_weak_and_shared_keys_are_left_out(provider: Provider, jwks: Path, rsa: RSAKey) -> None:
    with pytest.warns(UserWarning, match="2048"):
        weak = RSAKey.generate_key(1024, {"kid": "weak"})
    shared = jwk.OctKey.generate_key(256, {"kid": "shared"})
    sealing = RSAKey.generate_key(2048, {"kid": "sealing", "use": "enc"})
    document = {"keys": [shared.as_dict()] + [key.as_dict(private=False) for key in (weak, sealing, rsa)]}
    jwks.write_text(json.dumps(document))
    assert [key.kid for key in oidc.read_keys(provider)] == ["one"]
    jwks.write_text(json.dumps({"keys": document["keys"][:3]}))
    with pytest.raises(InputError, match="without a usable RSA or EC key"):
        oidc.read_keys(provider)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"keys": 7}', '{"keys": [7]}', '{"keys": [{"kty": "RSA"}]}', "[" * 9999]
)
def test_what_is_no_key_set(provider: Provider, jwks: Path, text: str) -> None:
    jwks.write_text(text)
    with pytest.raises(InputError, match="expected a JSON Web Key Set"):
        oidc.read_keys(provider)


@pytest.fixture
def intranet(jwks: Path) -> Iterator[tuple[str, list[str]]]:
    """URL of a server of this machine that has the keys, and the paths it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            content = jwks.read_bytes()
            self.send_response(302 if self.path == "/moved" else 200)
            self.send_header("Location", "/keys")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_keys_come_from_the_intranet(provider: Provider, rsa: RSAKey, intranet: tuple[str, list[str]]) -> None:
    url, asked = intranet
    verifier = Verifier(replace(provider, jwks=f"{url}/keys", networks=(ip_network("127.0.0.0/8"),)))
    for second in range(5):
        assert verifier.person(signed(rsa), now_s=NOW_S + second).subject == "ada"
    assert asked == ["/keys"]


def test_keys_come_from_nowhere_else(provider: Provider, intranet: tuple[str, list[str]]) -> None:
    url, asked = intranet
    for where, networks, said in (
        (f"{url}/keys", (), "leads to an address that is not public"),
        (f"{url}/keys", ("10.0.0.0/8",), "leads to an address that is not public"),
        ("https://93.184.215.14/keys", ("10.0.0.0/8",), "lies in none of the operator's networks"),
        (f"{url}/moved", ("127.0.0.0/8",), "the answer was 302, expected 200"),
        ("http://127.0.0.1:99999/keys", ("127.0.0.0/8",), "port"),
        ("ftp://127.0.0.1/keys", ("127.0.0.0/8",), "scheme"),
    ):
        reached = replace(provider, jwks=where, networks=tuple(ip_network(name) for name in networks))
        with pytest.raises(AiprodError, match=said):
            oidc.read_keys(reached)
    assert asked == ["/moved"]


def test_a_flood_of_unknown_keys_asks_the_provider_once(
    provider: Provider, rsa: RSAKey, other: RSAKey, intranet: tuple[str, list[str]]
) -> None:
    url, asked = intranet
    verifier = Verifier(replace(provider, jwks=f"{url}/keys", networks=(ip_network("127.0.0.0/8"),)))
    verifier.person(signed(rsa), now_s=NOW_S)

    def flood() -> None:
        for number in range(10):
            with pytest.raises(TokenError):
                verifier.person(signed(other, {"kid": f"x{number}"}), now_s=NOW_S + 70)

    run_at_once(flood, 4)
    assert len(asked) == 2


def run_at_once(act: Callable[[], None], number: int) -> None:
    threads = [threading.Thread(target=act) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
