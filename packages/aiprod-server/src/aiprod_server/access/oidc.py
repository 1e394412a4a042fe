"""A token of an identity provider (OpenID Connect): is it for us, is it whole, whose is it, and what may they do.

Knows JWT through joserfc. The algorithm is the operator's and never the token's: what the header names is only compared
with it (RFC 8725, 3.1). Knows no route and no database; the time is an argument.
"""

import base64
import json
import logging
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from aiprod_core.errors import AiprodError, InputError
from aiprod_server.access.keys import CLIENT
from aiprod_server.access.person import Person, TokenError
from aiprod_server.access.roles import ROLES
from aiprod_server.egress.addresses import PORTS, Network, Reach, checked
from aiprod_server.egress.courier import Limits, get
from aiprod_server.settings import Algorithm

logger = logging.getLogger(__name__)


TOKEN_CHARS = 16_384
HEADER_CHARS = 512  # joserfc reads no longer one
SUBJECT = re.compile(r"[\x21-\x7e]{1,255}")  # OpenID Connect Core 1.0, 2: at most 255 characters of ASCII
RSA_CHARS = 342  # of the modulus of 2048 bits in base64url: RFC 7518, 3.3 wants no smaller one
RETRY_S = 60.0  # between two looks at the keys, however many tokens name one that is not among them
KEEP_S = 3600.0  # a key that the provider withdrew is refused after this at the latest


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Whom an operator trusts, and how its claims are read.

    `jwks`: a file, or a URL whose addresses all lie in `networks`. `client_claim`, `roles_claim`: names of claims, with
    dots between those inside one another (`realm_access.roles`). A role counts if it bears `roles_prefix`: a provider
    has roles of its own, and an `admin` of the mail server is not ours.
    """

    issuer: str
    audience: str
    jwks: str
    algorithm: Algorithm = "RS256"
    client_claim: str = "client"
    roles_claim: str = "roles"
    roles_prefix: str = "aiprod-"
    networks: tuple[Network, ...] = ()
    skew_s: int = 60


class Verifier:
    """Judges the tokens of one provider, for all threads; its keys are read at the first token, and again later."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._keys: KeySet | None = None
        self._read_at_s: float | None = None  # when the keys were last looked for, found or not
        self._reading = threading.Lock()
        self._registry = JWSRegistry(algorithms=[provider.algorithm], strict_check_header=False)

    def person(self, token: str, *, now_s: float) -> Person:
        """Whose `token` it is. Raises `TokenError`."""
        claims = self._proven(token, now_s)
        registry = jwt.JWTClaimsRegistry(
            now=int(now_s),
            leeway=self.provider.skew_s,
            iss={"essential": True, "value": self.provider.issuer},
            aud={"essential": True, "value": self.provider.audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            registry.validate(claims)
        except ExpiredTokenError as error:
            raise TokenError("token: got one that has expired; sign in again") from error
        except (InvalidClaimError, MissingClaimError) as error:
            raise TokenError(
                f"token: its claim {error.claim} is missing or not as this service expects; ask for one made for it"
            ) from error
        return self._person(claims)

    def _proven(self, token: str, now_s: float) -> dict[str, Any]:
        """The claims of a token that a key of the provider signed."""
        header = _header(token)
        if header.get("alg") != self.provider.algorithm:
            raise TokenError(f"token: got another algorithm, expected {self.provider.algorithm}; ask the operator")
        keys = self._keys_for(header.get("kid"), now_s)
        try:
            return dict(jwt.decode(token, keys, registry=self._registry).claims)
        except (JoseError, ValueError, RecursionError) as error:
            raise TokenError("token: its signature does not fit, or it was cut off; sign in again") from error

    def _keys_for(self, key_id: object, now_s: float) -> KeySet:
        """The provider's keys, read anew where they are old or the token's is not among them."""
        # One thread reads; the others go on with what is there, and only wait where there is nothing yet.
        if self._due(key_id, now_s) and self._reading.acquire(blocking=self._keys is None):
            try:
                if self._due(key_id, now_s):
                    self._read_at_s = now_s
                    self._keys = read_keys(self.provider)
            except AiprodError as error:
                logger.warning("the identity provider's keys cannot be read: %s", error)
            finally:
                self._reading.release()
        if self._keys is None:
            raise TokenError("token: the identity provider's keys cannot be read now; try again later")
        return self._keys

    def _due(self, key_id: object, now_s: float) -> bool:
        if self._read_at_s is None:
            return True
        known = self._keys is not None and (key_id is None or any(key.kid == key_id for key in self._keys))
        return now_s - self._read_at_s >= (KEEP_S if known else RETRY_S)

    def _person(self, claims: Mapping[str, Any]) -> Person:
        client, subject = _inside(claims, self.provider.client_claim), claims["sub"]
        if not isinstance(client, str) or CLIENT.fullmatch(client) is None:
            raise TokenError(
                f"token: its claim {self.provider.client_claim} names no client, expected up to 64 letters, digits or "
                "._@+:-; ask the operator"
            )
        if SUBJECT.fullmatch(subject) is None:
            raise TokenError("token: its claim sub is too long or not ASCII; ask the operator")
        named = _inside(claims, self.provider.roles_claim)
        words = named.split() if isinstance(named, str) else named if isinstance(named, list) else []
        ours = {self.provider.roles_prefix + role: role for role in ROLES}
        return Person(
            client=client,
            subject=subject,
            roles=frozenset(ours[word] for word in words if isinstance(word, str) and word in ours),
        )


def read_keys(provider: Provider) -> KeySet:
    """The public keys that the provider signs with.

    Raises:
        InputError: a file that is no key set, a URL outside the operator's networks, or no key for signatures in it.
        UndeliveredError: nobody answers under the URL.
    """
    text = _document(provider)
    try:
        named = json.loads(text)["keys"]
        return KeySet.import_key_set({"keys": [key for key in named if _signs(key)]})
    except (JoseError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"keys of {provider.issuer}: got a document without a usable RSA or EC key, expected a JSON Web Key Set "
            "(RFC 7517); correct AIPROD_OIDC_JWKS"
        ) from error


def _signs(key: Mapping[str, Any]) -> bool:
    """Whether a JSON Web Key is for signatures and strong enough: no shared secret, which a public document betrays."""
    if key.get("use", "sig") != "sig":
        return False
    return key.get("kty") == "EC" or (key.get("kty") == "RSA" and len(key["n"]) >= RSA_CHARS)


def _document(provider: Provider) -> bytes:
    where = provider.jwks
    if "://" not in where:
        try:
            return Path(where).read_bytes()
        except OSError as error:
            raise InputError(
                f"keys of {provider.issuer}: cannot read the file {Path(where).name} ({error.strerror}); "
                "correct AIPROD_OIDC_JWKS"
            ) from error
    # The port is the operator's own choice; `checked` says what is wrong with one that is none.
    named = re.fullmatch(r"https?://[^/?#]*:(\d{1,5})(?:[/?#].*)?", where)
    ports = frozenset({int(named[1])}) if named else frozenset(PORTS.values())
    target = checked(where, Reach(networks=provider.networks, ports=ports))
    if not any(target.address in network for network in provider.networks):
        raise InputError(
            f"keys of {provider.issuer}: {target.host} lies in none of the operator's networks, expected one of "
            "AIPROD_OIDC_NETWORKS; add its network there"
        )
    return get(target, limits=Limits(duration_s=5.0))


def _header(token: str) -> dict[str, Any]:
    """The header of a token, before anything of it is proven: enough to choose a key. Raises `TokenError`."""
    parts = token.split(".") if len(token) <= TOKEN_CHARS else []
    header = None
    if len(parts) == 3 and len(parts[0]) <= HEADER_CHARS:
        with suppress(ValueError):
            header = json.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    if not isinstance(header, dict):
        raise TokenError("token: got something that is no signed JSON Web Token (RFC 7519), expected one; sign in")
    return header


def _inside(claims: Mapping[str, Any], path: str) -> object:
    """The claim under `path`, such as `realm_access.roles`; a claim whose own name has dots goes first."""
    if path in claims:
        return claims[path]
    found: object = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
