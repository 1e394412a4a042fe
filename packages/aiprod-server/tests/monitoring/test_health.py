"""A gateway is ready when its database, its schema and its storage are; that nobody works is told, and no obstacle."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from aiprod_server.monitoring import health
from aiprod_server.monitoring.health import Readiness
from aiprod_server.orchestration.config import default_path
from aiprod_server.queue import workers

NOW_S = 1000.0


def _passed(engine: sa.Engine, storage: Path, *, configuration: Path | None = None, least: int = 0) -> dict[str, bool]:
    ready = Readiness(
        engine,
        lambda: NOW_S,
        storage=storage,
        configuration=configuration or default_path(),
        min_free_bytes=least,
    )
    return {check.name: check.passed for check in ready.read()}


def test_a_whole_service_is_ready(engine: sa.Engine, tmp_path: Path) -> None:
    assert _passed(engine, tmp_path / "made" / "here") == {
        "database": True,
        "schema": True,
        "workers": False,
        "storage": True,
        "configuration": True,
    }
    assert list((tmp_path / "made" / "here").iterdir()) == []
    workers.appear(engine, "w", "m", "cpu", now_s=NOW_S)
    assert _passed(engine, tmp_path)["workers"]


def test_only_workers_and_the_changed_file_are_no_obstacle(engine: sa.Engine, tmp_path: Path) -> None:
    ready = Readiness(engine, lambda: NOW_S, storage=tmp_path, configuration=default_path(), min_free_bytes=0)
    assert {check.name for check in ready.read() if not check.required} == {"workers", "configuration"}


def test_a_database_without_the_schema_is_not_ready(bare: sa.Engine, tmp_path: Path) -> None:
    found = _passed(bare, tmp_path)
    assert (found["database"], found["schema"], found["workers"]) == (True, False, False)


def test_a_database_that_is_gone_is_not_ready(tmp_path: Path) -> None:
    engine = sa.create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none", connect_args={"connect_timeout": 2})
    found = _passed(engine, tmp_path)
    assert found == {"database": False, "storage": True, "configuration": True}


def test_a_storage_that_is_full_or_no_folder_is_not_ready(engine: sa.Engine, tmp_path: Path) -> None:
    assert not _passed(engine, tmp_path, least=10**18)["storage"]
    (tmp_path / "file").touch()
    assert not _passed(engine, tmp_path / "file")["storage"]


def test_a_configuration_that_was_broken_since_is_told(engine: sa.Engine, tmp_path: Path) -> None:
    broken = tmp_path / "config.json"
    broken.write_text("{}")
    assert not _passed(engine, tmp_path, configuration=broken)["configuration"]


def test_many_who_ask_cost_one_look(engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = Readiness(engine, lambda: NOW_S, storage=tmp_path, configuration=default_path(), min_free_bytes=0)
    monkeypatch.setattr(health, "KEPT_S", 1000.0)
    assert ready.read() is ready.read()
