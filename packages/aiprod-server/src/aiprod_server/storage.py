"""The files of the service: what jobs made, and the pictures that clients gave. Knows no job and no database.

root/jobs/<two digits>/<job>/<name> and root/inputs/<client>/<SHA-256><suffix>. A file is there whole or not at all: it
is written under a temporary name, flushed to the disk, and renamed. The same root serves every gateway and worker; on
many machines it lies on a file system that they share.
"""

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from aiprod_core.errors import InputError, MediaError

JOB_ID = re.compile(r"job_[0-9a-f]{24}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")
SHA256 = re.compile(r"[0-9a-f]{64}")
PRIVATE = 0o700
CHUNK_BYTES = 2**20


@dataclass(frozen=True)
class Stored:
    """A file as it was written."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Storage:
    """Everything below `root`, which is made when it is first written to."""

    root: Path

    def job_folder(self, job_id: str) -> Path:
        """The folder of a job, made where it is not there."""
        folder = self._job(job_id)
        with _full_disk_said(folder):
            _make(folder)
        return folder

    def job_file(self, job_id: str, name: str) -> Path:
        """Where a job's file stands, or would; nothing is made."""
        if not NAME.fullmatch(name):
            raise InputError(
                f"file name: got {name[:100]!r}, expected letters, digits, dots, dashes; choose such a name"
            )
        return self._job(job_id) / name

    def write(self, job_id: str, name: str, content: bytes | Path, *, attempt: int) -> Stored:
        """Put `content`, bytes or a file to copy, under `name` in the job's folder; what was there is replaced.

        Args:
            attempt: of the job, so that two of them never write to the same temporary file.

        Raises:
            MediaError: the disk is full; what was there before stands as it was.
        """
        target = self.job_file(job_id, name)
        partial = target.with_name(f"{name}.attempt-{attempt}.tmp")
        with _full_disk_said(target):
            _make(target.parent)
            return _written(content, partial, target)

    def verified(self, job_id: str, name: str, sha256: str) -> bool:
        """Whether the job's file is there with these bytes."""
        try:
            with self.job_file(job_id, name).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except FileNotFoundError:
            return False

    def remove(self, job_id: str) -> None:
        """Remove a job's folder with all that is in it; nothing happens where it is gone."""
        with suppress(FileNotFoundError):  # another gateway expires the same job
            shutil.rmtree(self._job(job_id))

    def keep_input(self, content: bytes, *, client: str, suffix: str) -> str:
        """Keep what a client gave, and give its SHA-256, under which jobs name it; the same bytes are kept once.

        Raises:
            MediaError: the disk is full.
        """
        if not SUFFIX.fullmatch(suffix):
            raise InputError(f"suffix: got {suffix[:20]!r}, expected one such as .png")
        sha256 = hashlib.sha256(content).hexdigest()
        target = self._inputs(client) / f"{sha256}{suffix}"
        with _full_disk_said(target):
            if target.is_file():
                os.utime(target)  # it is wanted again, so its time begins anew
                return sha256
            _make(target.parent)
            _written(content, target.with_name(f"{target.name}.{os.getpid()}-{os.urandom(4).hex()}.tmp"), target)
        return sha256

    def input_path(self, client: str, sha256: str) -> Path:
        """The file that `keep_input` kept for this client.

        Raises:
            MediaError: it is not, or no longer, there.
        """
        found = sorted(self._inputs(client).glob(f"{sha256}.*")) if SHA256.fullmatch(sha256) else []
        for path in found:
            if path.suffix != ".tmp":
                return path
        raise MediaError(f"input {sha256[:12]}…: got no such file of this client; give the picture again")

    def inputs(self) -> Iterator[Path]:
        """Every file that `keep_input` kept, of all clients."""
        return self.root.glob("inputs/*/*")

    def _job(self, job_id: str) -> Path:
        if not JOB_ID.fullmatch(job_id):
            raise InputError(f"job: got the id {job_id[:100]!r}, expected job_ and 24 hex digits; check the id")
        return self.root / "jobs" / job_id[4:6] / job_id

    def _inputs(self, client: str) -> Path:
        return self.root / "inputs" / hashlib.sha256(client.encode()).hexdigest()  # a name may hold a slash


def _written(content: bytes | Path, partial: Path, target: Path) -> Stored:
    digest, size_bytes = hashlib.sha256(), 0
    try:
        with partial.open("wb") as file:
            for chunk in _chunks(content):
                file.write(chunk)
                digest.update(chunk)
                size_bytes += len(chunk)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _flush(target.parent)
    return Stored(target.name, digest.hexdigest(), size_bytes)


def _chunks(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _make(folder: Path) -> None:
    """Make `folder` and those above it, each of them known to the disk before a file is in it."""
    missing = [path for path in (folder, *folder.parents) if not path.is_dir()]
    for path in reversed(missing):
        path.mkdir(mode=PRIVATE, exist_ok=True)
        _flush(path.parent)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _full_disk_said(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise MediaError(f"{path.name}: the disk of the storage is full; make room, or have old jobs expire") from error
