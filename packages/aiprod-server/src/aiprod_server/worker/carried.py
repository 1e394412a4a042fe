"""An order that is being carried out: its way through the states, and what clips and films have in common on it."""

import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiprod_pipelines.quality.finding import Finding
from aiprod_server.orchestration.blocks import Agent, Verdict
from aiprod_server.orchestration.director import is_fast
from aiprod_server.orchestration.gates import Judged
from aiprod_server.orchestration.machine import Way
from aiprod_server.orchestration.sanitizer import sanitised
from aiprod_server.orchestration.supervisor import Evidence, decide
from aiprod_server.queue.jobs import REJECTED
from aiprod_server.storage import Stored
from aiprod_server.worker.child import Order, Say, fail
from aiprod_server.worker.context import Context

MEDIA_TYPES: Mapping[str, str] = {
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
    ".mxf": "application/mxf",
    ".tar": "application/x-tar",
    ".wav": "audio/wav",
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".srt": "application/x-subrip",
    ".vtt": "text/vtt",
}


class Carried(ABC):
    """One order. `request`: as it is carried out by now; `files`: what is delivered, by what it is to the client."""

    def __init__(self, order: Order, context: Context, say: Say) -> None:
        self.order, self.context, self.say = order, context, say
        self.request: dict[str, Any] = dict(order.request)
        self.files: dict[str, Stored] = {}
        self.device_s = 0.0
        self.retries = 0
        self.blocked: Sequence[Finding] = ()
        self.faults: Sequence[str] = ()
        self.judged: Mapping[str, Judged] = {}  # by what was judged
        self.way = Way(context.config.orchestrator, self._entered)

    def work(self) -> None:
        """Let the agents work until it is the renderer's turn, or until the end."""
        self.way.work(
            {
                Agent.SANITIZER: self._sanitize,
                Agent.FAST_TRACK: self._analyse,
                Agent.DIRECTOR: self.direct,
                Agent.TRANSLATOR: self.translate,
                Agent.TECHNICAL: self._inspect,
                Agent.SEMANTIC: self._judge,
                Agent.SUPERVISOR: self._supervise,
            }
        )

    @abstractmethod
    def direct(self) -> str:
        """Make a storyboard of the words: "told"."""

    @abstractmethod
    def translate(self) -> str:
        """Make of the request what the renderer is given: "planned"."""

    @abstractmethod
    def inspect(self) -> tuple[Sequence[Finding], Sequence[str]]:
        """What keeps the files from being delivered, and all faults that were found, in words."""

    @abstractmethod
    def judge(self) -> Mapping[str, Judged]:
        """What is seen of what the prompts name, by the name of the clip."""

    @abstractmethod
    def begin_anew(self) -> None:
        """Make ready to be rendered with the seed of this retry."""

    @property
    @abstractmethod
    def seed_is_ours(self) -> bool:
        """Whether the client chose no seed."""

    @abstractmethod
    def deliver(self) -> Mapping[str, Any]:
        """Put all files into their place; what there is to say of them besides."""

    def end(self) -> None:
        """Say how it ended; the way is at its end."""
        if self.way.verdict is Verdict.REJECTED:
            found = "; ".join(f"{finding.code}: {finding.sentence}" for finding in self.blocked)
            self.say.failed(self.order.job_id, f"{REJECTED}{found or 'faults'} Expected none; try another seed")
            return
        facts = self.deliver()
        result = {
            "files": {role: self._facts(stored) for role, stored in self.files.items()},
            **facts,
            "device_s": round(self.device_s, 3),
            "qa": {"passed": not self.faults, "faults": list(self.faults), "score": self.score},
            "verdict": str(self.way.verdict),
        }
        self.say.done(self.order.job_id, result, round(self.device_s, 3))

    @property
    def score(self) -> float | None:
        """The mean score of what was judged; None where nothing was."""
        scores = [judged.score for judged in self.judged.values() if judged.score is not None]
        return round(sum(scores) / len(scores), 4) if scores else None

    def path(self, name: str) -> Path:
        """Where a file of the job stands, or will."""
        return self.context.storage.job_file(self.order.job_id, name)

    def keep(self, role: str, name: str, content: bytes | Path) -> Stored:
        """Write a file into the job's folder, as what it is to the client."""
        self.files[role] = self.context.storage.write(self.order.job_id, name, content, attempt=self.order.attempt)
        return self.files[role]

    def found(self, step: str, role: str, name: str) -> bool:
        """Whether an earlier attempt made the file of `step`, and it is still whole; then it is delivered as it is."""
        sha256 = self.order.steps.get(step)
        if sha256 is None or not self.context.storage.verified(self.order.job_id, name, sha256):
            return False
        self.files[role] = Stored(name, sha256, self.path(name).stat().st_size)
        return True

    def make(self, step: str, role: str, name: str, content: Callable[[], bytes]) -> None:
        """Make the file of a step, and say so."""
        began_s = time.perf_counter()
        stored = self.keep(role, name, content())
        self.say.step(self.order.job_id, step, stored.sha256, time.perf_counter() - began_s)

    def _entered(self, state: str) -> None:
        self.say.event(self.order.job_id, "state", {"state": state})

    def _sanitize(self) -> str:
        self.request = sanitised(self.request, self.context.config.input_sanitizer)
        return "clean"

    def _analyse(self) -> str:
        return "fast" if is_fast(self.request, self.context.config.fast_track_agent) else "full"

    def _inspect(self) -> str:
        if not self.context.config.technical_qa_gate.enabled:
            return "passed"
        self.blocked, self.faults = self.inspect()
        return "blocked" if self.blocked else "passed"

    def _judge(self) -> str:
        self.judged = self.judge()
        return "unjudged" if self.score is None else "judged"

    def _supervise(self) -> str:
        evidence = Evidence(
            blocked=bool(self.blocked), score=self.score, retries=self.retries, seed_is_ours=self.seed_is_ours
        )
        decision = decide(evidence, self.context.config.supervisor)
        if decision == "retry":
            self.retries += 1
            self.blocked, self.faults, self.judged = (), (), {}
            self.begin_anew()
        return decision

    def _facts(self, stored: Stored) -> dict[str, Any]:
        return {
            "name": stored.name,
            "sha256": stored.sha256,
            "size_bytes": stored.size_bytes,
            "media_type": MEDIA_TYPES[Path(stored.name).suffix],
        }


@contextmanager
def ending_badly(say: Say, order: Order) -> Iterator[None]:
    """Within it, an error is the end of this order, and of no other."""
    try:
        yield
    except Exception as error:
        fail(say, order.job_id, error)


def nth_seed(seed: int, retries: int) -> int:
    """The seed of a retry: always the same ones, so that an attempt after a crash goes on where the last one was."""
    if retries == 0:
        return seed
    return int.from_bytes(hashlib.sha256(f"{seed} {retries}".encode()).digest()[:8]) >> 2  # storyboards hold 62 bits
