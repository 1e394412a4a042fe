"""One gateway for all tests of a module, on a database of its own; each test is another client."""

from collections.abc import Callable, Iterator

import pytest
from door import Door, tiny_model
from gateway_at_work import migrated
from starlette.testclient import TestClient

from aiprod_server.access import keys
from aiprod_server.access.audit_log import Author
from aiprod_server.api.service import Service
from aiprod_server.app import create_app
from aiprod_server.settings import Settings


@pytest.fixture(scope="module")
def building(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("gateway")
    settings = Settings(
        database_url=migrated(f"sqlite:///{folder / 'jobs.db'}"),
        storage=folder / "storage",
        models_root=tiny_model(folder / "models"),
        max_body_bytes=300_000,
        requests_per_min=10_000,
    )
    with TestClient(create_app(settings)) as http:
        yield Door(http=http, service=http.app.state.service)  # type: ignore[attr-defined]


@pytest.fixture
def door(building: Door, ada: str) -> Door:
    headers = {"Authorization": f"Bearer {building.key(ada)}"}
    return Door(http=building.http, service=building.service, client=ada, headers=headers)


@pytest.fixture
def service(http: TestClient) -> Service:
    """What stands behind the gateway of a test that opens its own."""
    found: Service = http.app.state.service  # type: ignore[attr-defined]
    return found


@pytest.fixture
def holding(service: Service) -> Callable[..., dict[str, str]]:
    """Headers with a new key of these roles."""

    def made(*roles: str, client: str = "ops") -> dict[str, str]:
        author = Author(name="a test", key=service.audit_key)
        key, _ = keys.create(
            service.engine, client=client, roles=roles, pepper=service.pepper, author=author, now_s=service.clock()
        )
        return {"Authorization": f"Bearer {key.reveal()}"}

    return made
