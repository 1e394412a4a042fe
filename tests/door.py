"""A gateway without a socket, weights that are nothing but a header, and what every problem document has."""

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway_at_work import migrated, new_key
from starlette.testclient import TestClient

from aiprod_server.api.service import Service
from aiprod_server.app import create_app
from aiprod_server.settings import Settings


@dataclass
class Door:
    """`http` has no key; `headers` of a new key of `client`."""

    http: TestClient
    service: Service
    client: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def key(self, client: str, *roles: str, expires_at_s: float | None = None) -> str:
        """A new key, as its owner has it."""
        return new_key(self.service, client, *roles, expires_at_s=expires_at_s)

    def generate(self, **body: Any) -> dict[str, Any]:
        """The job that `body` made."""
        answer = self.http.post(
            "/api/v1/generate", json={"model": "tiny", "prompt": "a cat"} | body, headers=self.headers
        )
        assert answer.status_code == 202, answer.text
        made: dict[str, Any] = answer.json()
        return made


@contextmanager
def building(folder: Path, **settings: Any) -> Iterator[Door]:
    """A gateway on a database of its own in `folder`, whose door has no key yet."""
    chosen = Settings(
        database_url=migrated(f"sqlite:///{folder / 'jobs.db'}"),
        storage=folder / "storage",
        models_root=tiny_model(folder / "models"),
        **settings,
    )
    with TestClient(create_app(chosen)) as http:
        yield Door(http=http, service=http.app.state.service)  # type: ignore[attr-defined]


def tiny_model(root: Path, **compression: int) -> Path:
    """`root`, with weights called tiny that are nothing but a header: lengths are 4 · n + 1, sides multiples of 16."""
    folder = root / "tiny"
    folder.mkdir(parents=True)
    by = {"hop": 960, "patch": 2, "space": 8, "time": 4} | compression
    config = json.dumps({"compression": by, "sample_rate_hz": 24_000})
    header = json.dumps({"__metadata__": {"aiprod": json.dumps({"format": "aiprod-1", "config": config})}}).encode()
    (folder / "shdt.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    (folder / "MANIFEST.json").write_text(json.dumps({"name": "tiny", "version": "1.2.3", "files": {}}))
    return root


def problem(answer: Any, status: int, code: str, param: str | None = None) -> str:
    """What a problem document says, which is as it must be."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    told = answer.json()
    assert (told["status"], told["error"]["code"], told["error"]["param"]) == (status, code, param)
    assert told["detail"] == told["error"]["message"]
    assert told["instance"].endswith(answer.headers["x-request-id"])
    return str(told["detail"])
