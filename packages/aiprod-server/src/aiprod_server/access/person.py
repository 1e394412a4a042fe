"""Who a token speaks for, and the error of one that opens nothing. Knows no token: those are read by `oidc`."""

from dataclasses import dataclass

from aiprod_core.errors import InputError


class TokenError(InputError):
    """A token that opens nothing; the message is for its bearer, and says nothing of the token's content."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who holds a good token. `client`: whose jobs are theirs; `subject`: the provider's own name for them."""

    client: str
    subject: str
    roles: frozenset[str]
