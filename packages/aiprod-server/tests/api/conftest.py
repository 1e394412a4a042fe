"""One gateway for all tests of a module, on a database of its own; each test is another client."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from door import Door, building
from gateway_at_work import new_key
from starlette.testclient import TestClient

from aiprod_server.api.service import Service


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """What all tests of a module share."""
    with building(tmp_path_factory.mktemp("gateway"), max_body_bytes=300_000, requests_per_min=10_000) as door:
        yield door


@pytest.fixture
def door(opened: Door, ada: str) -> Door:
    return replace(opened, client=ada, headers={"Authorization": f"Bearer {opened.key(ada)}"})


@pytest.fixture
def service(http: TestClient) -> Service:
    """What stands behind the gateway of a test that opens its own."""
    found: Service = http.app.state.service  # type: ignore[attr-defined]
    return found


@pytest.fixture
def holding(service: Service) -> Callable[..., dict[str, str]]:
    """Headers with a new key of these roles."""

    def made(*roles: str, client: str = "ops") -> dict[str, str]:
        return {"Authorization": f"Bearer {new_key(service, client, *roles)}"}

    return made
