"""From the end of a job to its receiver: signed, once where all is well, again after a crash, never to the inside."""

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from standardwebhooks import Webhook

from aiprod_server.access import audit_log
from aiprod_server.access.audit_log import Author
from aiprod_server.database import reading, writing
from aiprod_server.egress.addresses import Reach
from aiprod_server.egress.courier import Limits
from aiprod_server.queue import clients, leases, submissions
from aiprod_server.queue.jobs import Job
from aiprod_server.tables import jobs
from aiprod_server.tables import webhook_outbox as outbox
from aiprod_server.webhooks.message import mint_secret
from aiprod_server.webhooks.outbox import BATCH, LEASE_S, PER_CLIENT, deliver_due

NOW_S = 1_700_000_000.0
GATEWAY = Author(name="gateway", key=bytes(32))
SECRET = mint_secret(random.Random(7).randbytes)


def ended(engine: sa.Engine, url: str | None, client: str = "north", number: int = 1, **asked: Any) -> list[Job]:
    """Jobs that were cancelled, of a client that is told so under `url`."""
    clients.set_webhook(engine, client, url, SECRET.text)
    made = []
    for index in range(number):
        job = submissions.submit(engine, {"prompt": f"cat {index}"}, client=client, now_s=NOW_S - 10, **asked)
        submissions.cancel(engine, job.id, now_s=NOW_S - 5)
        made.append(submissions.job(engine, job.id))
    return made


def deliver(engine: sa.Engine, reach: Reach, now_s: float = NOW_S, **asked: Any) -> dict[str, int]:
    counts = deliver_due(engine, reach, now_s=now_s, author=GATEWAY, jitter=random.Random(1), **asked)
    return dict(counts)


def rows(engine: sa.Engine) -> Sequence[sa.Row[Any]]:
    with reading(engine) as connection:
        return connection.execute(sa.select(outbox).order_by(outbox.c.created_at, outbox.c.id)).all()


def row(engine: sa.Engine) -> sa.Row[Any]:
    [only] = rows(engine)
    return only


def test_a_job_that_completed_is_told_signed_and_once(engine: sa.Engine, receiver: Any) -> None:
    clients.set_webhook(engine, "north", receiver.url, SECRET.text)
    job = submissions.submit(engine, {"prompt": "a red cat", "seed": 7}, client="north", now_s=NOW_S - 60)
    claim = leases.claim(engine, "w", now_s=NOW_S - 50)
    assert claim is not None
    video = {"name": "clip.mp4", "sha256": "ab" * 32, "size_bytes": 9, "media_type": "video/mp4"}
    leases.complete(
        engine, claim, device_s=3.5, cost_microeur=7, now_s=NOW_S - 0.5, result={"files": {"video": video}, "seed": 7}
    )
    assert deliver(engine, receiver.reach) == {"delivered": 1}
    assert deliver(engine, receiver.reach, NOW_S + 1000) == {}
    [(path, headers, body)] = receiver.seen
    told = json.loads(body)
    assert path == "/hook"
    assert headers["webhook-id"] == row(engine).id
    assert (told["type"], told["timestamp"]) == ("job.completed", "2023-11-14T22:13:19.500000+00:00")
    assert told["data"]["id"] == job.id
    assert (told["data"]["status"], told["data"]["request"]) == ("completed", {"prompt": "a red cat", "seed": 7})
    assert told["data"]["result"]["files"]["video"]["href"] == f"/api/v1/jobs/{job.id}/download?variant=video"
    assert (row(engine).state, row(engine).next_at, row(engine).attempts) == ("delivered", None, 1)


def test_the_signature_is_that_of_the_clients_secret(engine: sa.Engine, receiver: Any) -> None:
    ended(engine, receiver.url)
    deliver(engine, receiver.reach, time.time())  # the library of the receivers compares with its own clock
    [(_, headers, body)] = receiver.seen
    assert Webhook(SECRET.text).verify(body, headers)["type"] == "job.cancelled"


def test_a_jobs_own_url_goes_first(engine: sa.Engine, open_receiver: Callable[[], Any]) -> None:
    own, of_client = open_receiver(), open_receiver()
    ended(engine, of_client.url, webhook_url=own.url)
    assert deliver(engine, own.reach) == {"delivered": 1}
    assert (len(own.seen), of_client.seen) == (1, [])


def test_each_retry_bears_the_same_id_and_comes_later(engine: sa.Engine, receiver: Any) -> None:
    ended(engine, receiver.url)
    receiver.status = 503
    now_s, gaps = NOW_S, []
    while row(engine).state == "waiting":
        assert sum(deliver(engine, receiver.reach, now_s).values()) == 1
        if (next_at := row(engine).next_at) is not None:
            assert deliver(engine, receiver.reach, next_at - 0.1) == {}
            gaps.append(next_at - now_s)
            now_s = next_at
    assert (row(engine).state, len(receiver.seen)) == ("given_up", 7)
    assert row(engine).reason == "the receiver answered 503, after 7 attempts"
    assert {headers["webhook-id"] for _, headers, _ in receiver.seen} == {row(engine).id}
    assert len({body for _, _, body in receiver.seen}) == 1
    for gap, least in zip(gaps, (5, 300, 1800, 7200, 18_000, 36_000), strict=True):
        assert least <= gap <= least * 1.2


def test_nobody_there_is_tried_again(engine: sa.Engine, receiver: Any) -> None:
    ended(engine, "http://127.0.0.1:9/hook")
    assert deliver(engine, Reach(networks=receiver.reach.networks, ports=frozenset({9}))) == {"retry": 1}
    assert "Connection refused" in row(engine).reason
    assert row(engine).next_at > NOW_S


def test_gone_disables_the_webhook_and_what_waits_for_it(engine: sa.Engine, receiver: Any) -> None:
    jobs_ = ended(engine, receiver.url, number=PER_CLIENT + 3)
    receiver.status = 410
    assert deliver(engine, receiver.reach) == {"disabled": PER_CLIENT}
    assert {found.state for found in rows(engine)} == {"disabled"}
    webhook = clients.webhook_of(engine, "north")
    assert webhook is not None
    assert webhook.disabled_at == NOW_S
    [entry] = audit_log.entries(engine)
    assert entry.facts()["what"] == "webhook disabled"
    assert entry.facts()["job"] in {job.id for job in jobs_}

    later = submissions.submit(engine, {"prompt": "one more"}, client="north", now_s=NOW_S)
    submissions.cancel(engine, later.id, now_s=NOW_S)
    assert deliver(engine, receiver.reach, NOW_S + 1) == {}
    receiver.status = 204
    ended(engine, receiver.url)  # the client names it anew
    assert deliver(engine, receiver.reach, NOW_S + 1) == {"delivered": 1}


def test_gone_from_a_jobs_own_url_leaves_the_clients(engine: sa.Engine, open_receiver: Callable[[], Any]) -> None:
    own, of_client = open_receiver(), open_receiver()
    own.status = 410
    reach = Reach(networks=own.reach.networks, ports=frozenset({own.port, of_client.port}))
    ended(engine, of_client.url, webhook_url=own.url)
    ended(engine, of_client.url)
    assert deliver(engine, reach) == {"disabled": 1, "delivered": 1}
    webhook = clients.webhook_of(engine, "north")
    assert webhook is not None
    assert webhook.disabled_at is None


def test_without_a_secret_nothing_is_sent(engine: sa.Engine, receiver: Any) -> None:
    job = submissions.submit(engine, {}, client="north", now_s=NOW_S, webhook_url=receiver.url)
    submissions.cancel(engine, job.id, now_s=NOW_S)
    assert deliver(engine, receiver.reach) == {"given_up": 1}
    assert "no secret to sign with" in row(engine).reason
    assert receiver.seen == []


def test_a_result_that_cannot_be_shown_is_given_up(engine: sa.Engine, receiver: Any) -> None:
    [job] = ended(engine, receiver.url)
    with writing(engine) as connection:
        connection.execute(sa.update(jobs).where(jobs.c.id == job.id).values(result={"seed": []}))
    assert deliver(engine, receiver.reach) == {"given_up": 1}
    assert receiver.seen == []


def test_one_client_does_not_take_every_turn(engine: sa.Engine, open_receiver: Callable[[], Any]) -> None:
    loud, quiet = open_receiver(), open_receiver()
    reach = Reach(networks=loud.reach.networks, ports=frozenset({loud.port, quiet.port}))
    ended(engine, loud.url, "loud", number=20)
    ended(engine, quiet.url, "quiet")
    assert deliver(engine, reach) == {"delivered": PER_CLIENT + 1}
    assert (len(loud.seen), len(quiet.seen)) == (PER_CLIENT, 1)


def test_a_batch_is_bounded(engine: sa.Engine, receiver: Any) -> None:
    for number in range(6):
        ended(engine, receiver.url, f"client-{number}", number=3)
    assert deliver(engine, receiver.reach) == {"delivered": BATCH}
    assert deliver(engine, receiver.reach) == {"delivered": 18 - BATCH}
    assert len({headers["webhook-id"] for _, headers, _ in receiver.seen}) == 18


INSIDE = [
    "127.0.0.1",
    "localhost",
    "169.254.169.254",
    "[::1]",
    "[::ffff:10.0.0.1]",
    "2130706433",
    "0x7f.1",
    "192.168.0.1",
    "[fd00::1]",
    "100.64.0.1",
    "0.0.0.0",
    "[64:ff9b::7f00:1]",
]


def test_the_inside_is_never_reached(engine: sa.Engine, receiver: Any) -> None:
    """Written into the database past every earlier check, by whomever."""
    for number, host in enumerate(INSIDE):
        ended(engine, f"http://{host}:{receiver.port}/hook", f"client-{number}")
    assert deliver(engine, Reach(ports=frozenset({receiver.port}))) == {"retry": len(INSIDE)}
    for found in rows(engine):
        assert "is not public" in found.reason or "expected a name or a plain address" in found.reason
    assert receiver.seen == []


def test_a_private_target_that_the_operator_allows_is_reached(engine: sa.Engine, receiver: Any) -> None:
    ended(engine, f"http://localhost:{receiver.port}/hook")
    assert deliver(engine, receiver.reach, resolve=lambda host, port: ["127.0.0.1"]) == {"delivered": 1}


def test_a_name_that_turns_inside_is_refused_at_each_attempt(engine: sa.Engine, receiver: Any) -> None:
    """DNS rebinding: what the name was when it was checked first does not count, and what it becomes is not asked."""
    ended(engine, f"http://rebind.example:{receiver.port}/hook", number=1)
    answers = iter([["127.0.0.1"], ["10.0.0.1"], ["93.184.215.14", "127.0.0.1"]])
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    outside = Reach(ports=frozenset({receiver.port}))
    now_s = NOW_S
    for _ in range(3):
        assert deliver(engine, outside, now_s, resolve=resolve) == {"retry": 1}
        now_s = row(engine).next_at
    assert asked == ["rebind.example"] * 3  # once each: between the check and the connection nobody is asked
    assert receiver.seen == []


def test_a_redirect_leads_nowhere(engine: sa.Engine, open_receiver: Callable[[], Any]) -> None:
    outer, inner = open_receiver(), open_receiver()
    ended(engine, outer.url)
    now_s = NOW_S
    for status in (301, 302, 303, 307, 308):
        outer.status, outer.headers = status, {"location": inner.url}
        assert deliver(engine, outer.reach, now_s) == {"retry": 1}
        assert row(engine).reason == f"the receiver answered {status}"
        now_s = row(engine).next_at
    assert (len(outer.seen), inner.seen) == (5, [])


def test_a_late_refusal_does_not_undo_a_later_delivery(engine: sa.Engine, receiver: Any) -> None:
    """The first attempt outlives its lease; the second delivers; what the first then learns changes nothing."""
    ended(engine, f"http://hooks.example:{receiver.port}/hook")

    def first(host: str, port: int) -> list[str]:
        second = deliver(engine, receiver.reach, NOW_S + LEASE_S, resolve=lambda host, port: ["127.0.0.1"])
        assert second == {"delivered": 1}
        return ["10.0.0.1"]

    assert deliver(engine, receiver.reach, resolve=first) == {"retry": 1}
    assert (row(engine).state, row(engine).attempts) == ("delivered", 2)
    assert deliver(engine, receiver.reach, NOW_S + 10 * LEASE_S) == {}


PROGRAM = """
import sys
from ipaddress import ip_network
from aiprod_server import database
from aiprod_server.access.audit_log import Author
from aiprod_server.egress.addresses import Reach
from aiprod_server.webhooks.outbox import deliver_due
url, port, now_s = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
engine = database.connect(url)
reach = Reach(networks=(ip_network("127.0.0.0/8"),), ports=frozenset({port}))
print("ready", flush=True)
input()
total = 0
while counts := deliver_due(engine, reach, now_s=now_s, author=Author(name="gateway", key=bytes(32))):
    total += counts["delivered"]
print(total)
"""


def gateway(url: str, port: int) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", PROGRAM, url, str(port), str(NOW_S)]
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def test_gateways_at_once_deliver_each_message_once(engine: sa.Engine, url: str, receiver: Any) -> None:
    for number in range(8):
        ended(engine, receiver.url, f"client-{number}", number=5)
    processes = [gateway(url, receiver.port) for _ in range(2)]
    for process in processes:
        go(process)
    told = [int(process.communicate()[0]) for process in processes]
    assert sum(told) == 40
    ids = [headers["webhook-id"] for _, headers, _ in receiver.seen]
    assert (len(ids), len(set(ids))) == (40, 40)


def test_a_gateway_killed_with_a_message_in_hand_leaves_it_to_the_next(
    engine: sa.Engine, url: str, receiver: Any
) -> None:
    ended(engine, receiver.url)
    arrived, answered = threading.Event(), threading.Event()
    receiver.hold = lambda: (arrived.set(), answered.wait(20))
    process = gateway(url, receiver.port)
    go(process)
    assert arrived.wait(20)
    process.kill()
    process.communicate()
    answered.set()
    assert (row(engine).state, row(engine).attempts) == ("waiting", 1)
    assert deliver(engine, receiver.reach, NOW_S + LEASE_S - 1) == {}
    assert deliver(engine, receiver.reach, NOW_S + LEASE_S) == {"delivered": 1}
    assert [headers["webhook-id"] for _, headers, _ in receiver.seen] == [row(engine).id] * 2


def test_a_receiver_that_never_answers_is_tried_again(engine: sa.Engine, receiver: Any) -> None:
    ended(engine, receiver.url)
    answered = threading.Event()
    receiver.hold = lambda: answered.wait(20)
    assert deliver(engine, receiver.reach, limits=Limits(duration_s=0.3)) == {"retry": 1}
    answered.set()
    assert "no answer in time" in row(engine).reason
