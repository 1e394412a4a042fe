"""A tiny clip to order, and the words that a child says of it: what tests of the server's renders share."""

import json
from collections.abc import Mapping
from typing import Any

from tiny_family import PROMPT

from aiprod_server.orchestration.blocks import Orchestration
from aiprod_server.worker.child import Say

CLIP: Mapping[str, Any] = {
    "kind": "clip",
    "tier": "standard",
    "prompt": PROMPT,
    "negative_prompt": "",
    "seed": 7,
    "seed_given": True,
    "width": 32,
    "height": 32,
    "num_frames": 9,
    "frame_rate": 10.0,
    "num_inference_steps": 2,
    "guidance_scale": 2.0,
    "model": "tiny",
    "audio": True,
    "images": [],
    "camera": None,
}


class Told(Say):
    """Keeps what is said instead of writing it, as a worker would hear it."""

    def __init__(self) -> None:
        self._ended: set[str] = set()
        self.lines: list[dict[str, Any]] = []

    def _line(self, answer: Mapping[str, Any]) -> None:
        self.lines.append(json.loads(json.dumps(answer)))

    def of(self, job_id: str, word: str) -> list[Any]:
        """What was said of a job under `word`, in order."""
        return [line[word] for line in self.lines if line.get("job_id") == job_id and word in line]

    def result(self, job_id: str) -> dict[str, Any]:
        """Of a job that was done."""
        [failed] = self.of(job_id, "failed") or [None]
        assert failed is None, failed
        [done] = self.of(job_id, "done")
        found: dict[str, Any] = done
        return found

    def failure(self, job_id: str) -> str:
        """Of a job that was not."""
        [reason] = self.of(job_id, "failed")
        return str(reason)

    def states(self, job_id: str) -> list[str]:
        return [
            line["data"]["state"] for line in self.lines if line["job_id"] == job_id and line.get("event") == "state"
        ]

    def events(self, job_id: str, kind: str) -> list[Any]:
        return [line["data"] for line in self.lines if line["job_id"] == job_id and line.get("event") == kind]

    def steps(self, job_id: str) -> dict[str, str]:
        """Name → SHA-256, as the queue would remember them."""
        return {line["step"]: line["sha256"] for line in self.lines if line["job_id"] == job_id and "step" in line}


def changed(config: Orchestration, **blocks: Mapping[str, Any]) -> Orchestration:
    """The configuration with some fields of some blocks changed."""
    update = {name: getattr(config, name).model_copy(update=dict(fields)) for name, fields in blocks.items()}
    return config.model_copy(update=update)
