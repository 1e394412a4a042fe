from typing import get_args

import pytest

from aiprod_core.errors import InputError
from aiprod_server.access.roles import ROLES, Role, scopes_of


def test_roles_add_up():
    assert scopes_of([]) == frozenset()
    assert scopes_of(["viewer", "billing"]) == ROLES["viewer"] | ROLES["billing"]


def test_the_roles_have_their_names():
    assert set(get_args(Role)) == set(ROLES)


def test_admin_may_all_and_nobody_else_may_touch_keys():
    assert scopes_of(ROLES) == ROLES["admin"]
    assert "keys:write" not in scopes_of(set(ROLES) - {"admin"})


def test_billing_sees_no_film():
    assert not ROLES["billing"] & ROLES["creator"]


def test_unknown_role():
    with pytest.raises(InputError, match="got 'root', expected one of viewer, creator"):
        scopes_of(["viewer", "root"])
