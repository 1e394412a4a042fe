"""The chores of a gateway run while it does: requests are in the log of usage, keys have their last use."""

import time
from pathlib import Path

from door import Door, tiny_model
from gateway_at_work import migrated
from starlette.testclient import TestClient

from aiprod_server.access import keys, usage_log
from aiprod_server.api import chores
from aiprod_server.app import create_app
from aiprod_server.database import connect
from aiprod_server.settings import Settings


def test_what_a_gateway_keeps_in_memory_is_written_when_it_ends(tmp_path: Path) -> None:
    url = migrated(f"sqlite:///{tmp_path / 'jobs.db'}")
    app = create_app(Settings(database_url=url, storage=tmp_path, models_root=tiny_model(tmp_path / "models")))
    with TestClient(app) as http:
        door = Door(http=http, service=app.state.service)
        key = door.key("ada")
        for _ in range(2):
            assert http.get("/api/v1/jobs", headers={"X-API-Key": key}).status_code == 200
        assert http.get("/api/v1/jobs", headers={"X-API-Key": "nonsense"}).status_code == 401
    engine = connect(url)
    (usage,) = usage_log.summary(engine, since_s=0.0, until_s=time.time() + 86_400)
    assert (usage.client, usage.route, usage.method, usage.requests) == ("ada", "/api/v1/jobs", "GET", 2)
    (record,) = keys.records(engine)
    assert record.last_used_at_s is not None
    engine.dispose()


def test_every_chore_can_be_done(door: Door) -> None:
    keeping = chores.housekeeping(door.service)
    names = {chore.name for chore in keeping.chores}
    assert names >= {"webhooks", "usage", "keys used", "refused logins", "files", "previews", "costs"}
    for chore in keeping.chores:
        assert chore.do() is not True
