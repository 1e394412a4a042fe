"""The gateway as a whole: what it loads, what it says of itself, and that all of it is open to who may."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from gateway_at_work import migrated
from starlette.testclient import TestClient

from aiprod_core.errors import InputError
from aiprod_server.app import create_app
from aiprod_server.redaction import redacted
from aiprod_server.settings import Settings

HEAVY = {"torch", "diffusers", "transformers", "boto3", "stripe", "numpy", "alembic", "joserfc"}
OPEN = {"/health", "/ready", "/metrics"}  # to strangers; metrics ask for a token themselves


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("app")
    made = create_app(Settings(database_url=migrated(f"sqlite:///{folder / 'jobs.db'}"), storage=folder))
    yield made
    made.state.service.close()


def test_nothing_heavy_is_loaded() -> None:
    code = f"import sys, aiprod_server.app, aiprod_server.commands.serve; print(*({HEAVY} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []


def test_every_route_asks_who_calls(app: Any) -> None:
    http = TestClient(app)
    for route in (one for one in app.routes if isinstance(one, APIRoute)):
        if route.path not in OPEN and not route.path.startswith("/metrics"):
            for method in route.methods:
                answer = http.request(method, route.path.replace("{", "").replace("}", ""))
                assert answer.status_code in (401, 422), (method, route.path)


def test_logs_show_every_route_whole(app: Any) -> None:
    for route in app.routes:
        assert redacted(f"GET {route.path} 200 3.5 ms") == f"GET {route.path} 200 3.5 ms"


def test_the_document_names_every_answer_and_every_body(app: Any) -> None:
    document = TestClient(app).get("/openapi.json").json()
    text = json.dumps(document)
    for name in set(text.split("#/components/schemas/")[1:]):
        assert name.partition('"')[0] in document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path not in OPEN and not path.startswith("/metrics"):
                assert {"401", "429", "500"} <= set(operation["responses"]), (method, path)
            refusals = {name: told for name, told in operation["responses"].items() if name >= "400"}
            for told in refusals.values():
                assert set(told["content"]) == {"application/problem+json"}, (method, path)
    clip = document["components"]["schemas"]["ClipBody"]["properties"]
    assert (clip["prompt"]["maxLength"], clip["num_frames"]["anyOf"][0]["maximum"]) == (2000, 1025)


def test_nothing_is_fetched_from_elsewhere(app: Any) -> None:
    http = TestClient(app)
    assert [http.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")] == [404, 404, 200]


def test_a_pepper_that_fits_no_key_is_refused_at_the_start(tmp_path: Path) -> None:
    settings = Settings(database_url=migrated(f"sqlite:///{tmp_path / 'jobs.db'}"), storage=tmp_path, pepper="aa" * 31)
    with pytest.raises(InputError, match="AIPROD_PEPPER"):
        create_app(settings)


@pytest.mark.parametrize("given", [{"oidc_issuer": "https://id"}, {"oidc_jwks": "keys.json", "oidc_audience": "us"}])
def test_half_a_provider_is_refused_at_the_start(tmp_path: Path, given: dict[str, str]) -> None:
    settings = Settings(database_url=migrated(f"sqlite:///{tmp_path / 'jobs.db'}"), storage=tmp_path, **given)
    with pytest.raises(InputError, match="AIPROD_OIDC_AUDIENCE and"):
        create_app(settings)
