"""Who may do what: a role is a set of scopes, and every route asks for one scope.

Knows no keys and no routes.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal

from aiprod_core.errors import InputError

_JOBS = frozenset({"jobs:read", "jobs:submit", "jobs:cancel"})  # of one's own client, as is the webhook
_WEBHOOK = frozenset({"webhook:read", "webhook:write"})
_MONEY = frozenset({"usage:read", "costs:read"})
_RUNNING = frozenset({"queue:read", "queue:drain", "jobs:cancel-any", "stats:read"})
_TRUST = frozenset({"keys:read", "keys:write", "limits:read", "limits:write", "audit:read"})

Role = Literal["viewer", "creator", "billing", "operator", "admin"]

ROLES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "viewer": frozenset({"jobs:read"}),
        "creator": _JOBS | _WEBHOOK,
        "billing": _MONEY,
        "operator": _RUNNING,
        "admin": _JOBS | _WEBHOOK | _MONEY | _RUNNING | _TRUST,
    }
)


def scopes_of(roles: Iterable[str]) -> frozenset[str]:
    """All that `roles` allow together. Raises `InputError` for a role that does not exist."""
    scopes: frozenset[str] = frozenset()
    for role in roles:
        if role not in ROLES:
            raise InputError(f"role: got {role!r}, expected one of {', '.join(ROLES)}; correct its name")
        scopes |= ROLES[role]
    return scopes
