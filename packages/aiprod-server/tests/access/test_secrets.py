"""Secrets: given, or made once for all who come at once, and refused where others could have read them."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from aiprod_core.errors import InputError
from aiprod_server.access import secrets

GIVEN = "0f" * 32


def test_what_is_given_is_taken_and_nothing_is_made(tmp_path: Path) -> None:
    assert secrets.load(tmp_path, "pepper", SecretStr(GIVEN)) == bytes.fromhex(GIVEN)
    assert list(tmp_path.iterdir()) == []


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    storage = tmp_path / "new" / "storage"
    made = secrets.load(storage, "pepper")
    assert len(made) == 32
    assert secrets.load(storage, "pepper") == made != secrets.load(storage, "audit_key")
    folder = storage / "secrets"
    assert sorted(path.name for path in folder.iterdir()) == ["audit_key", "pepper"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "pepper").stat().st_mode) == 0o600


def test_none_is_made_where_none_may_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"audit_key: got none, expected .* or AIPROD_AUDIT_KEY"):
        secrets.load(tmp_path, "audit_key", may_make=False)
    assert list(tmp_path.iterdir()) == []
    assert secrets.load(tmp_path, "audit_key") == secrets.load(tmp_path, "audit_key", may_make=False)


def test_a_loose_umask_opens_nothing(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        secrets.load(tmp_path, "pepper")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "secrets" / "pepper").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 characters that are not hex"),
        ("swordfish", "9 characters that are not hex"),
        ("abc", "3 characters that are not hex"),
        ("ab" * 31, "got 31 bytes, expected at least 32"),
    ],
)
def test_a_poor_secret_is_refused_and_not_shown(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=f"AIPROD_PEPPER: got {said}|AIPROD_PEPPER: {said}") as given:
        secrets.load(tmp_path, "pepper", SecretStr(text))
    secrets.load(tmp_path, "pepper")
    (tmp_path / "secrets" / "pepper").write_text(text)
    with pytest.raises(InputError, match=said) as kept:
        secrets.load(tmp_path, "pepper")
    assert len(text) < 4 or text not in str(given.value) + str(kept.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o777])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    secrets.load(tmp_path, "pepper")
    (tmp_path / "secrets" / "pepper").chmod(mode)
    with pytest.raises(InputError, match="expected -rw-------"):
        secrets.load(tmp_path, "pepper")


def test_a_link_a_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    secrets.load(tmp_path, "pepper")
    path = tmp_path / "secrets" / "pepper"
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")
    with pytest.raises(InputError, match="replace the link by the file"):
        secrets.load(tmp_path, "pepper")
    path.unlink()
    path.mkdir(mode=0o700)
    with pytest.raises(InputError, match="Is a directory"):
        secrets.load(tmp_path, "pepper")
    path.rmdir()
    os.mkfifo(path, 0o600)
    with pytest.raises(InputError, match="mode prw-------, expected -rw-------"):
        secrets.load(tmp_path, "pepper")


def test_processes_that_start_at_once_have_one_secret(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from aiprod_server.access import secrets
print("ready", flush=True)
input()
print(secrets.load(Path({str(tmp_path)!r}), "pepper").hex())
"""
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe, text=True) for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    got = {process.communicate()[0].strip() for process in processes}
    assert got == {secrets.load(tmp_path, "pepper").hex()}
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["pepper"]
