"""The secrets of the service itself: given by the operator, or made once and kept where only the service reads.

The pepper proves API keys and the audit key seals the audit log, so each must stay the same while the database lives.
Knows neither use; whether a pepper is still the one of the keys is for `keys.check_pepper` to see.
"""

import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from aiprod_core.errors import InputError

Name = Literal["pepper", "audit_key"]

SECRET_BYTES = 32
HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")
MAKE_ONE = "make one with `openssl rand -hex 32`"
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def load(storage: Path, name: Name, given: SecretStr | None = None, *, may_make: bool = True) -> bytes:
    """The secret, at least 32 bytes: `given` in hex, or the file `storage`/secrets/`name`, which is made if need be.

    Processes that come at once all get what the first of them made.

    Raises:
        InputError: a secret that is too short or not hex, a file that others than its owner can read, or none where
            none may be made.
    """
    if given is not None:
        return _parsed(given.get_secret_value(), f"AIPROD_{name.upper()}")
    path = storage / "secrets" / name
    if not os.path.lexists(path):
        if not may_make:
            raise InputError(
                f"{name}: got none, expected {path} or AIPROD_{name.upper()}; name the storage folder of the gateway"
            )
        _make(path)
    return _read(path)


def _make(path: Path) -> None:
    """Write a new secret under `path`, whole or not at all, unless another process was faster."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(SECRET_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # a link, unlike a rename, leaves what the faster process made
            path.hardlink_to(partial)
    finally:
        partial.unlink()


def _read(path: Path) -> bytes:
    try:
        with open(path, opener=_itself) as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read()
    except OSError as error:
        raise InputError(
            f"{path.name}: cannot read {path} ({error.strerror}), expected a file of the service's own user; "
            "correct its owner, or replace the link by the file"
        ) from error
    if not stat.S_ISREG(mode) or mode & OTHERS:
        raise InputError(
            f"{path.name}: {path} has the mode {stat.filemode(mode)}, expected -rw-------, since others can read "
            "or change the secret; run chmod 600 on it, and think of a new secret"
        )
    return _parsed(text, path.name)


def _itself(path: str, flags: int) -> int:
    """Opens no link, and waits at no pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _parsed(text: str, where: str) -> bytes:
    text = text.strip()
    if HEX.fullmatch(text) is None:
        raise InputError(f"{where}: got {len(text)} characters that are not hex digits in pairs; {MAKE_ONE}")
    secret = bytes.fromhex(text)
    if len(secret) < SECRET_BYTES:
        raise InputError(f"{where}: got {len(secret)} bytes, expected at least {SECRET_BYTES}; {MAKE_ONE}")
    return secret
