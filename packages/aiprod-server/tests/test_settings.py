"""Settings come from the environment, once; what is wrong is named, and what is secret is not shown."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from aiprod_core.errors import InputError
from aiprod_server import settings
from aiprod_server.settings import Settings

PEPPER = "5e" * 32


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"AIPROD_{name.upper()}", raising=False)
    monkeypatch.delenv("AIPROD_MODELS", raising=False)


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AIPROD_STORAGE", str(tmp_path))
    monkeypatch.setenv("AIPROD_MODELS", "models")
    monkeypatch.setenv("AIPROD_WEBHOOK_NETWORKS", "10.0.0.0/8, fd00::/8")
    monkeypatch.setenv("AIPROD_WEBHOOK_PORTS", "443,8443")
    monkeypatch.setenv("AIPROD_CORS_ORIGINS", "")
    found = settings.read()
    assert (found.storage, found.models_root) == (tmp_path, Path("models"))
    assert found.webhook_networks == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert (found.webhook_ports, found.cors_origins) == ((443, 8443), ())


def test_options_stand_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIPROD_PORT", "81")
    assert (settings.read(port=82).port, settings.read(port=None).port) == (82, 81)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AIPROD_PORT", "web"),
        ("AIPROD_WEBHOOK_NETWORKS", "intranet"),
        ("AIPROD_LOG_FORMAT", "xml"),
    ],
)
def test_what_is_wrong_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=f"^{name}: ") as caught:
        settings.read()
    assert value not in str(caught.value)


def test_secrets_are_in_no_repr() -> None:
    found = settings.read(pepper=PEPPER, database_url="postgresql+psycopg://ada:hunter2@db/aiprod")
    assert found.pepper is not None
    assert found.pepper.get_secret_value() == PEPPER
    assert not {PEPPER, "hunter2"} & set(repr(found).replace("'", " ").replace(":", " ").replace("@", " ").split())
