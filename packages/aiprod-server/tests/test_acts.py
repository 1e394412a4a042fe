"""Acts of operators: done and written down, or neither."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from aiprod_core.errors import InputError
from aiprod_server import acts
from aiprod_server.access import audit_log
from aiprod_server.access.audit_log import Author
from aiprod_server.queue import clients, submissions, workers
from aiprod_server.queue.clients import Limits
from aiprod_server.queue.jobs import State, UnknownJob
from aiprod_server.webhooks.message import mint_secret

ADA = Author(name="operator ada", key=bytes(32))
URL = "https://hooks.example/hook?token=swordfish"


def written(engine: sa.Engine) -> list[dict[str, object]]:
    """What the log says, without what every entry has."""
    facts = [entry.facts() for entry in audit_log.entries(engine)]
    assert {(fact["by"], fact["at"]) for fact in facts} <= {("operator ada", "1970-01-01T00:00:09.000+00:00")}
    return [{name: value for name, value in fact.items() if name not in ("by", "at", "number")} for fact in facts]


def test_limits(engine: sa.Engine) -> None:
    acts.set_limits(engine, "north", author=ADA, now_s=9.0, max_running=2, budget_device_s=0.1)
    limits = acts.set_limits(engine, "north", author=ADA, now_s=9.0, max_running=None)
    assert limits == Limits(budget_device_s=0.1) == clients.limits(engine, "north")
    assert written(engine) == [
        {"what": "limits changed", "client": "north", "max_running": "2", "budget_device_s": "0.1"},
        {"what": "limits changed", "client": "north", "max_running": None},
    ]


def test_limits_that_are_refused_leave_no_trace(engine: sa.Engine) -> None:
    with pytest.raises(InputError, match="max_queued: got -1"):
        acts.set_limits(engine, "north", author=ADA, now_s=9.0, max_running=2, max_queued=-1)
    assert (clients.limits(engine, "north"), written(engine)) == (Limits(), [])


def test_an_act_that_cannot_be_sealed_is_not_done(engine: sa.Engine) -> None:
    with pytest.raises(InputError, match="audit key"):
        acts.set_limits(engine, "north", author=Author(name="x", key=b"short"), now_s=9.0, max_running=2)
    assert clients.limits(engine, "north") == Limits()


def test_a_webhook_is_named_without_its_token(engine: sa.Engine) -> None:
    secret = mint_secret()
    acts.set_webhook(engine, "north", URL, secret, author=ADA, now_s=9.0)
    kept = clients.webhook_of(engine, "north")
    assert kept is not None
    assert (kept.url, kept.secret, kept.disabled_at) == (URL, secret.text, None)
    acts.drop_webhook(engine, "north", author=ADA, now_s=9.0)
    assert clients.webhook_of(engine, "north") is None
    assert written(engine) == [
        {"what": "webhook set", "client": "north", "host": "hooks.example"},
        {"what": "webhook removed", "client": "north"},
    ]


def test_an_operator_cancels_anyones_job(engine: sa.Engine) -> None:
    job = submissions.submit(engine, {}, client="north", now_s=1.0)
    assert acts.cancel_job(engine, job.id, author=ADA, now_s=9.0) is State.CANCELLED
    assert submissions.job(engine, job.id).state is State.CANCELLED
    assert written(engine) == [{"what": "job cancelled by an operator", "job": job.id, "state": "cancelled"}]
    with pytest.raises(UnknownJob):
        acts.cancel_job(engine, "job_" + "0" * 24, author=ADA, now_s=9.0)
    assert len(written(engine)) == 1


def test_a_configuration_is_known_by_its_bytes(engine: sa.Engine, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(b"abc")
    acts.note_configuration(engine, path, author=ADA, now_s=9.0)
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    assert written(engine) == [{"what": "configuration loaded", "file": "mine.json", "sha256": sha256}]


def test_an_operator_drains_a_worker(engine: sa.Engine) -> None:
    workers.appear(engine, "north-7", "north", "cpu", 1.0)
    acts.drain_worker(engine, "north-7", author=ADA, now_s=9.0)
    assert workers.seen(engine, "north-7", 2.0)
    assert written(engine) == [{"what": "worker drained", "worker": "north-7"}]
    with pytest.raises(workers.UnknownWorker):
        acts.drain_worker(engine, "south", author=ADA, now_s=9.0)
    assert len(written(engine)) == 1
