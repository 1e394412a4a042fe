"""A gateway in this process, asked what its OpenAPI document allows and what it forbids: schemathesis, all checks.

The gateway is whole: a migrated database, an administrator's key, pictures that are pictures, and jobs whose files are
there. What no document can say is made true before a request instead of being excused after it: a client whose job
names a webhook has a secret to sign with, and whoever watches or fetches a job finds that it has ended.
"""

import base64
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
import sqlalchemy as sa
from door import Door, tiny_model
from fastapi.concurrency import run_in_threadpool
from gateway_at_work import migrated
from hypothesis import strategies as st
from PIL import Image
from schemathesis.config import CacheConfig, HealthCheck
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.engine import Status, events, from_schema
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.python.asgi import get_client, shutdown_lifespans
from schemathesis.specs.openapi.formats import unregister_string_format
from starlette.types import Receive, Scope, Send

from aiprod_pipelines.film.shots import QUALITIES
from aiprod_server.app import create_app
from aiprod_server.database import writing
from aiprod_server.orchestration.config import default_path
from aiprod_server.queue import clients, leases, workers
from aiprod_server.settings import Settings
from aiprod_server.tables import jobs

CLIENT, OTHER = "asker", "other"
HOOK = "https://127.0.0.2/hook"  # an operator's network, in which nobody answers
SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()
FILES = {"video": ("clip.mp4", "video/mp4"), "thumbnail": ("thumbnail.jpg", "image/jpeg")}
PHASES = ("examples", "coverage", "fuzzing", "stateful")
PATIENCE_S = 120.0  # on a machine that does much else
SHOWN_CHARS = 300
AFTER_THE_END = ("/events", "/download", "/content")  # of a job
WORDS = "the red cat walks along a beach by night, and looks at the sea"


@dataclass
class Told:
    """What became of the requests to one operation. `failures`: what was found → how often.

    `set_aside`: failures of a check that stands on what no document can say; see `is_one`.
    """

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    set_aside: int = 0

    def answered(self, kind: int) -> int:
        """How many answers had a status of 100 · `kind` and on."""
        return sum(number for status, number in self.statuses.items() if status // 100 == kind)

    def as_row(self) -> dict[str, Any]:
        """The same for JSON."""
        statuses = {str(status): number for status, number in sorted(self.statuses.items())}
        return {**vars(self), "statuses": statuses, "failures": dict(self.failures)}


@contextmanager
def gateway(folder: Path) -> Iterator[Door]:
    """A gateway that lives as long as the block; `headers` have an administrator's key."""
    config = json.loads(default_path().read_text())
    config["renderExecutor"]["model"] = "tiny"
    (folder / "config.json").write_text(json.dumps(config))
    models = tiny_model(folder / "models")
    for name in {name for quality in QUALITIES.values() for name in quality.files}:
        (models / "tiny" / name).touch()  # what a film is planned with must be there, and is not read
    settings = Settings(
        database_url=migrated(f"sqlite:///{folder / 'jobs.db'}"),
        storage=folder / "storage",
        config=folder / "config.json",
        models_root=models,
        requests_per_min=10**9,
        webhook_networks=("127.0.0.2/32",),
    )
    app = create_app(settings)
    prepared, service = Prepared(app), app.state.service
    try:
        with get_client(prepared) as http:
            door = prepared.door = Door(http=http, service=service, client=CLIENT)
            door.headers["Authorization"] = f"Bearer {door.key(CLIENT, 'admin')}"
            door.key(OTHER)
            workers.appear(service.engine, "0", "here", "cpu", service.clock())
            for number in range(8):
                door.generate(prompt=f"{WORDS} {number}", width=64, height=64)
            work(door)
            yield door
    finally:
        shutdown_lifespans()


class Prepared:
    """ASGI middleware: makes true what must be before a request, since the document cannot say it."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.door: Door | None = None  # once it is open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.door is not None and scope["type"] == "http":
            if scope["method"] == "POST":
                await run_in_threadpool(forget_keys, self.door)
            if scope["path"].endswith("/generate"):
                await run_in_threadpool(clients.set_webhook, self.door.service.engine, CLIENT, HOOK, SECRET)
            elif scope["path"].endswith(AFTER_THE_END) or (scope["method"] == "DELETE" and "_" in scope["path"]):
                await run_in_threadpool(work, self.door)
        await self.app(scope, receive, send)


def forget_keys(door: Door) -> None:
    """Have every idempotency key be new: the few that come to mind first would all stand for other requests."""
    with writing(door.service.engine) as connection:
        connection.execute(sa.update(jobs).where(jobs.c.idempotency_key.is_not(None)).values(idempotency_key=None))


def work(door: Door) -> None:
    """Do what a worker does, in a moment: every job that waits is completed, with its files."""
    service = door.service
    while (held := leases.claim(service.engine, "0", now_s=service.clock())) is not None:
        files = {
            role: {
                "name": name,
                "media_type": kind,
                **vars(service.storage.write(held.job_id, name, picture("PNG"), attempt=held.attempt)),
            }
            for role, (name, kind) in FILES.items()
        }
        result = {"files": files, "seed": held.request.get("seed"), "device_s": 1.0, "qa": {"passed": True}}
        leases.complete(
            service.engine, held, device_s=1.0, cost_microeur=1, now_s=service.clock(), result=result, expires_at=None
        )


def asked(door: Door, *, cases: int, phases: Sequence[str] = PHASES, seed: int) -> dict[str, Told]:
    """What each operation answered to `cases` requests at random, the same for the same seed, in each of the phases.

    Args:
        phases: examples and coverage are of what the fields suggest, however many; fuzzing is of one request at a
            time, stateful of sequences in which each takes what an earlier one gave.
    """
    schema = loaded(door, cases, phases, seed)
    answers: dict[str, Told] = {operation.ok().label: Told() for operation in schema.get_all_operations()}
    for name, strategy in formats().items():
        schemathesis.openapi.format(name, strategy)
    try:
        for event in from_schema(schema).execute():
            match event:
                case events.ScenarioFinished(recorder=recorder):
                    note(answers, recorder)
                case events.NonFatalError(value=error, label=label):
                    answers.setdefault(label, Told()).failures[f"{type(error).__name__}: {error}"] += 1
                case events.FatalError(exception=error):
                    raise error
    finally:
        for name in formats():
            unregister_string_format(name)
    return answers


def loaded(door: Door, cases: int, phases: Sequence[str], seed: int) -> Any:
    """The document of the gateway, with how it is to be asked."""
    config = schemathesis.Config(seed=seed, cache=CacheConfig(enabled=False), suppress_health_check=[HealthCheck.all])
    schema = schemathesis.openapi.from_asgi("/openapi.json", door.http.app, config=config)
    project = schema.config
    project.update(headers=dict(door.headers), workers=1, continue_on_failure=True, request_timeout=PATIENCE_S)
    project.generation.update(max_examples=cases, deterministic=True, no_shrink=True, database="none")
    project.analysis.constants.enabled = False  # it would read every module of the service first
    project.phases.update(phases=list(phases))
    own_key = door.headers["Authorization"].split("_")[2]

    @schema.hook
    def filter_case(context: Any, case: Any) -> bool:
        """Not who asks: without its key, or with no requests left, all that follows would be refused."""
        named = case.path_parameters or {}
        return own_key != named.get("key_id") and named.get("name") != CLIENT

    @schema.hook
    def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
        return is_one(failure, response)

    return schema


def is_one(failure: Any, response: Any) -> bool:
    """Whether a failure is one: the rest are refusals that are right, of what no schema can tell from the right.

    Bytes that are no picture; an end of a key that is past, or of days before their beginning; a name that leads to no
    address; a storyboard whose shots are none. And headers that are not known, which HTTP lets through (RFC 9110, 5.1).
    """
    if isinstance(failure, AcceptedNegativeData):
        return "in header - object with unexpected properties" not in failure.message
    if not isinstance(failure, RejectedPositiveData) or response.status_code not in (400, 422):
        return True
    error = response.json()["error"]
    told, param = error["message"], error["param"] or ""
    return not (
        error["code"] == "unreadable_media"
        or param.partition(".")[0] == "storyboard"
        or (response.status_code == 400 and told.startswith(("expires_at: ", "usage: ", "URL: ")))
    )


def formats() -> dict[str, st.SearchStrategy[Any]]:
    """What the formats of our own stand for, which no pattern can say."""
    pictures = [picture(kind) for kind in ("PNG", "JPEG", "WEBP")]
    kinds = ("png", "jpeg", "webp")
    return {
        "image": st.sampled_from(pictures),
        "image-data-url": st.sampled_from(
            [
                f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
                for kind, content in zip(kinds, pictures, strict=True)
            ]
        ),
        "webhook-url": st.integers(0, 9).map(lambda number: f"{HOOK}?number={number}"),
    }


def picture(kind: str) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(written, kind)
    return written.getvalue()


def note(answers: dict[str, Told], recorder: Any) -> None:
    """Count what a scenario did, by the operations that it asked."""
    for case_id, node in recorder.cases.items():
        told = answers.setdefault(node.value.operation.label, Told())
        told.cases += 1
        told.set_aside += recorder.filtered_failures.get(case_id, 0)
        interaction = recorder.interactions.get(case_id)
        if interaction is not None and interaction.response is not None:
            told.statuses[interaction.response.status_code] += 1
        for check in recorder.checks.get(case_id, ()):
            if check.status is Status.FAILURE:
                found = check.failure_info
                content = b"" if interaction is None else interaction.response.content[:SHOWN_CHARS]
                shown = f"{found.failure.message}\n{found.code_sample[:SHOWN_CHARS]}\n{content!r}"
                told.failures[f"{check.name}: {shown}"] += 1
