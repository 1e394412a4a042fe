"""A file of the storage is there whole or not at all, and what is named by strangers stays below the root."""

import errno
import hashlib
import os
import stat
from pathlib import Path

import pytest

from aiprod_core.errors import InputError, MediaError
from aiprod_server.storage import Storage, Stored

JOB = "job_" + "ab" * 12
CONTENT = b"moving pictures"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "storage")


def files(storage: Storage) -> list[str]:
    return sorted(path.name for path in storage.root.rglob("*") if path.is_file())


@pytest.mark.parametrize("as_path", [False, True])
def test_what_is_written_stands_under_its_name(storage: Storage, tmp_path: Path, as_path: bool) -> None:
    rendered = tmp_path / "rendered"
    rendered.write_bytes(CONTENT)
    stored = storage.write(JOB, "clip.mp4", rendered if as_path else CONTENT, attempt=1)
    assert stored == Stored("clip.mp4", SHA256, len(CONTENT))
    assert storage.job_file(JOB, "clip.mp4").read_bytes() == CONTENT
    assert storage.verified(JOB, "clip.mp4", SHA256)
    assert files(storage) == ["clip.mp4"]
    assert stat.S_IMODE(storage.job_folder(JOB).stat().st_mode) == 0o700


def test_another_attempt_replaces_the_file(storage: Storage) -> None:
    storage.write(JOB, "clip.mp4", b"half", attempt=1)
    storage.write(JOB, "clip.mp4", CONTENT, attempt=2)
    assert storage.verified(JOB, "clip.mp4", SHA256)
    assert not storage.verified(JOB, "qa.json", SHA256)


def test_a_full_disk_leaves_what_was_there(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.write(JOB, "clip.mp4", CONTENT, attempt=1)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MediaError, match=r"clip\.mp4: the disk of the storage is full"):
        storage.write(JOB, "clip.mp4", b"more than fits", attempt=2)
    with pytest.raises(MediaError, match="disk of the storage is full"):
        storage.keep_input(CONTENT, client="ada", suffix=".png")
    assert storage.verified(JOB, "clip.mp4", SHA256)
    assert files(storage) == ["clip.mp4"]


def test_another_fault_of_the_disk_is_not_a_full_one(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        storage.write(JOB, "clip.mp4", tmp_path / "nothing", attempt=1)
    assert files(storage) == []


def test_a_removed_job_is_gone_and_may_be_removed_again(storage: Storage) -> None:
    storage.write(JOB, "clip.mp4", CONTENT, attempt=1)
    storage.remove(JOB)
    storage.remove(JOB)
    assert files(storage) == []
    assert not storage.verified(JOB, "clip.mp4", SHA256)


@pytest.mark.parametrize("job_id", ["../../etc", "job_" + "AB" * 12, JOB + "/..", JOB + "\n", ""])
def test_no_id_leads_out_of_the_root(storage: Storage, job_id: str) -> None:
    for use in (storage.job_folder, storage.remove):
        with pytest.raises(InputError, match="24 hex digits"):
            use(job_id)


@pytest.mark.parametrize("name", ["../qa.json", "/etc/passwd", ".hidden", "a/b", "a" * 101, ""])
def test_no_name_leads_out_of_its_folder(storage: Storage, name: str) -> None:
    with pytest.raises(InputError, match="file name"):
        storage.write(JOB, name, CONTENT, attempt=1)


def test_an_input_is_kept_once_a_client(storage: Storage) -> None:
    assert storage.keep_input(CONTENT, client="ada", suffix=".png") == SHA256
    assert storage.keep_input(CONTENT, client="ada", suffix=".png") == SHA256
    assert files(storage) == [f"{SHA256}.png"]
    assert storage.input_path("ada", SHA256).read_bytes() == CONTENT


def test_an_input_is_another_clients_secret(storage: Storage) -> None:
    storage.keep_input(CONTENT, client="../ada", suffix=".png")
    for client, sha256 in (("bob", SHA256), ("../ada", "0" * 64), ("../ada", "*")):
        with pytest.raises(MediaError, match="no such file of this client"):
            storage.input_path(client, sha256)
    with pytest.raises(InputError, match="suffix"):
        storage.keep_input(CONTENT, client="ada", suffix="/../x")
