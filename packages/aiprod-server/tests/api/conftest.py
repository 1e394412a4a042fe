"""One gateway for all tests of a module, on a database of its own; each test is another client."""

import itertools
from collections.abc import Iterator

import pytest
from door import Door, tiny_model
from gateway_at_work import migrated
from starlette.testclient import TestClient

from aiprod_server.app import create_app
from aiprod_server.settings import Settings

NUMBERS = itertools.count()


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
def door(building: Door) -> Door:
    client = f"ada-{next(NUMBERS)}"
    headers = {"Authorization": f"Bearer {building.key(client)}"}
    return Door(http=building.http, service=building.service, client=client, headers=headers)
