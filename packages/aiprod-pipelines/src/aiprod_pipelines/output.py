"""Files that are whole or absent: bytes go to a temporary name in the same folder, then are renamed.

Knows nothing of what the bytes mean. Whatever ends the writing (full disk, Ctrl-C, an error) leaves no partial file.
"""

import errno
import glob
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aiprod_core.errors import MediaError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def save(files: Mapping[Path, bytes]) -> None:
    """Write all of `files` (path → content), or none of them.

    Existing files are replaced only once every new one is safely on the disk.
    Raises `MediaError` naming the file that could not be written.
    """
    staged: dict[Path, Path] = {}
    try:
        for path, content in files.items():
            staged[path] = path.with_name(f".{path.name}.{os.getpid()}.part")
            _write(path, staged[path], content)
        for path, temporary in staged.items():
            try:
                temporary.replace(path)
            except OSError as error:
                raise _refused(path, error) from error
    finally:
        for temporary in staged.values():
            temporary.unlink(missing_ok=True)


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """A name beside `path` to write a large file under: renamed to `path` at the end, removed where anything fails.

    What a killed process left of the same file is removed too. Raises `MediaError` for every `OSError`.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _sweep(path)
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    for left in path.parent.glob(f"*.{glob.escape(path.name)}.*.part"):
        pid = left.name.split(".")[-2]
        if pid.isdecimal() and not _runs(int(pid)):
            left.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def check_writable(path: Path) -> None:
    """Raise `MediaError` where a file at `path` could not be made: known before the rendering, not after it."""
    if path.is_dir():
        raise MediaError(f"{path}: got a folder, expected a file name; add one, e.g. {path / 'clip.mp4'}")
    probe = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise _refused(path, error) from error


def is_full_disk(error: BaseException) -> bool:
    """Whether an error, or the one that it came from, says that there is no room left."""
    return any(isinstance(one, OSError) and one.errno in NO_ROOM for one in (error, error.__cause__))


def _write(path: Path, temporary: Path, content: bytes) -> None:
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: OSError) -> MediaError:
    reason = error.strerror or type(error).__name__
    return MediaError(
        f"{path}: cannot write it ({reason}), expected a folder that exists, is writable and has space; "
        "choose another --output-path or make room"
    )
