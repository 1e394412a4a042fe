"""Artifacts: what the steps of a build made, each kept under the hash of everything that made it.

A step is what it does, with what and how; its key is the SHA-256 of that, so the same key means the same bytes, and
what is kept is never made again. A file counts once its record stands beside it; both are written whole or not at all.
Knows nothing of films.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from aiprod_core.errors import MediaError
from aiprod_pipelines import output
from aiprod_pipelines.sovereignty.provision import digest_of

KEY_LENGTH = 64
RECORD = ".record"  # JSON; no step may have this suffix
JUST_USED_S = 600.0  # what a build used so lately stays, since it may be using it still


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a build. `kind` and `version` name the code, `inputs` the keys or hashes of what it reads,

    `params` all else that decides its bytes, as plain JSON. `suffix` is that of its file.
    """

    kind: str
    version: int
    inputs: Mapping[str, str]
    params: Mapping[str, Any]
    suffix: str

    @cached_property
    def key(self) -> str:
        """SHA-256 over the canonical JSON of everything above."""
        facts = [self.kind, self.version, dict(self.inputs), dict(self.params), self.suffix]
        written = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(written.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is known of an artifact: the step that made it, and its file. `used_at`: seconds since 1970."""

    step: Step
    file: Path
    sha256: str
    size_bytes: int
    elapsed_s: float
    used_at: float


class Artifacts:
    """A folder of artifacts. Several builds may share it at once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, step: Step) -> Record | None:
        """What was made for `step`, and mark it as used; None where nothing is, or not the whole of it."""
        record = self._read(self._record_path(step.key))
        if record is None or not record.file.is_file() or record.file.stat().st_size != record.size_bytes:
            return None
        os.utime(self._record_path(step.key))
        return record

    def path(self, step: Step) -> Path:
        """Where the file of `step` stands, or will."""
        return self.root / step.key[:2] / f"{step.key}{step.suffix}"

    def draft(self, step: Step) -> Path:
        """A path in the same folder to write the file of `step` to; `keep` gives it its name.

        Raises `MediaError` where the folder cannot be made.
        """
        path = self.path(step)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MediaError(
                f"{self.root}: cannot keep artifacts there ({error.strerror}), expected a folder that can be written "
                "to; choose another with --artifacts"
            ) from error
        return path.with_name(f".{step.key}.{os.getpid()}{step.suffix}")

    def keep(self, step: Step, drafted: Path, elapsed_s: float) -> Record:
        """Keep the file drafted for `step`. The record is written last: without it nothing counts."""
        size_bytes, sha256 = drafted.stat().st_size, digest_of(drafted)
        path = self.path(step)
        drafted.replace(path)
        facts = {
            "kind": step.kind,
            "version": step.version,
            "inputs": dict(step.inputs),
            "params": dict(step.params),
            "suffix": step.suffix,
            "sha256": sha256,
            "size_bytes": size_bytes,
            "elapsed_s": round(elapsed_s, 3),
        }
        output.save({self._record_path(step.key): json.dumps(facts, indent=1, ensure_ascii=False).encode()})
        return Record(
            step=step, file=path, sha256=sha256, size_bytes=size_bytes, elapsed_s=elapsed_s, used_at=time.time()
        )

    def records(self) -> Iterator[Record]:
        """Every artifact that is kept, the one longest unused first."""
        found = (self._read(path) for path in self.root.glob(f"??/*{RECORD}") if len(path.stem) == KEY_LENGTH)
        yield from sorted((record for record in found if record is not None), key=lambda record: record.used_at)

    def damaged(self) -> Iterator[Record]:
        """Every artifact whose file is absent or no longer what was written."""
        for record in self.records():
            if not record.file.is_file() or digest_of(record.file) != record.sha256:
                yield record

    def remove(self, record: Record) -> None:
        """Forget an artifact: the record first, so that a half-removed one does not count."""
        self._record_path(record.step.key).unlink(missing_ok=True)
        record.file.unlink(missing_ok=True)

    def collect(self, most_bytes: int, *, spared: Collection[str] = ()) -> list[Record]:
        """Remove the longest unused until at most `most_bytes` are left; returns what went.

        Spares keys in `spared`, and what a build used in the last ten minutes. What a killed build left half-written
        goes too.
        """
        self._clear_drafts()
        records = list(self.records())
        left_bytes, gone = sum(record.size_bytes for record in records), []
        for record in records:
            if left_bytes <= most_bytes:
                break
            if record.step.key in spared or time.time() - record.used_at < JUST_USED_S:
                continue
            self.remove(record)
            left_bytes -= record.size_bytes
            gone.append(record)
        return gone

    def _clear_drafts(self) -> None:
        for path in self.root.glob("??/.*"):
            if time.time() - path.stat().st_mtime > JUST_USED_S:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def _record_path(self, key: str) -> Path:
        return self.root / key[:2] / f"{key}{RECORD}"

    def _read(self, path: Path) -> Record | None:
        """The record at `path`; None where it is absent or damaged."""
        try:
            facts = json.loads(path.read_bytes())
            step = Step(**{name: facts[name] for name in ("kind", "version", "inputs", "params", "suffix")})
            return Record(
                step=step,
                file=path.with_name(f"{path.stem}{step.suffix}"),
                sha256=facts["sha256"],
                size_bytes=facts["size_bytes"],
                elapsed_s=facts["elapsed_s"],
                used_at=path.stat().st_mtime,
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None
