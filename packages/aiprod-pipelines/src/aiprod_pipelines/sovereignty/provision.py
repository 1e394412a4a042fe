"""Weights on this machine: where they are, whether they are whole, and how they got here.

A folder of weights holds MANIFEST.json (name, version, and per file what it is), CHECKSUMS.sha256 (every other file)
and the files themselves. Knows nothing of what is inside the weights. Nothing here opens a connection.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from aiprod_core.errors import WeightsError

DEFAULT_MODEL = "aiprod-sovereign"
MANIFEST = "MANIFEST.json"
CHECKSUMS = "CHECKSUMS.sha256"
OWN = Path("~/.local/share/aiprod/models").expanduser()
PACKAGED = Path(__file__).parents[1] / "models"
CHECKOUT = [up / "models" for up in Path(__file__).parents if (up / "packages" / "aiprod-pipelines").is_dir()]


@dataclass(frozen=True)
class Manifest:
    """What a folder of weights says of itself; `files`: name → facts about it, such as model and parameters."""

    name: str
    version: str
    files: dict[str, dict[str, Any]]


def roots(environment: str | None = None) -> list[Path]:
    """Folders that hold folders of weights, the first to be asked first.

    `environment`: value of AIPROD_MODELS, one such folder. Then the owner's own folder, the package, the checkout.
    """
    named = [Path(environment)] if environment else []
    return [*named, OWN, PACKAGED, *CHECKOUT]


def locate(model: str = DEFAULT_MODEL, *, environment: str | None = None) -> Path:
    """Folder of the weights called `model`: a path to one, or a name to look for in `roots`.

    Raises `WeightsError` that says how to provision it.
    """
    candidates = [Path(model)] if os.sep in model else [root / model for root in roots(environment)]
    for candidate in candidates:
        if (candidate / MANIFEST).is_file():
            return candidate.resolve()
    places = ", ".join(str(candidate) for candidate in candidates)
    raise WeightsError(
        f"weights {model}: got no {MANIFEST} in {places}, expected a folder of weights; carry one to this machine "
        f"and run `aiprod models install FOLDER`, or train your own with `aiprod train`"
    )


def available(environment: str | None = None) -> list[Path]:
    """Every folder of weights in `roots`; the first of a name hides the others."""
    found: dict[str, Path] = {}
    for root in roots(environment):
        for manifest in sorted(root.glob(f"*/{MANIFEST}")):
            found.setdefault(manifest.parent.name, manifest.parent.resolve())
    return list(found.values())


def read_manifest(models_dir: Path) -> Manifest:
    """Read MANIFEST.json of a folder of weights. Raises `WeightsError` where it is missing or makes no sense."""
    path = models_dir / MANIFEST
    try:
        content = json.loads(path.read_text())
        return Manifest(str(content["name"]), str(content["version"]), dict(content["files"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path}: got an unreadable manifest ({type(error).__name__}), expected JSON with name, version and files; "
            + _again(models_dir)
        ) from error


def verify(models_dir: Path) -> dict[str, str]:
    """Check every file of a folder of weights against CHECKSUMS.sha256; return file → SHA-256.

    Each file is hashed once per process and per change of it. Raises `WeightsError` naming the first file that is
    missing, changed by as little as one bit, or that nobody announced.
    """
    expected = read_checksums(models_dir)
    present = _files(models_dir)
    for name in expected:
        if name not in present:
            raise WeightsError(
                f"{models_dir / name}: got no such file, expected it with {CHECKSUMS}; {_again(models_dir)}"
            )
    for name, digest in expected.items():
        found = digest_of(models_dir / name)
        if found != digest:
            raise WeightsError(
                f"{models_dir / name}: got SHA-256 {found[:12]}…, expected {digest[:12]}…: the file is damaged; "
                + _again(models_dir)
            )
    for name in read_manifest(models_dir).files:
        if name not in expected:
            raise WeightsError(f"{models_dir / name}: got no checksum for it in {CHECKSUMS}; {_again(models_dir)}")
    for name in present:
        if name not in expected:
            raise WeightsError(
                f"{models_dir / name}: got a file that {CHECKSUMS} does not list, expected only listed ones; remove it"
            )
    return expected


def read_checksums(models_dir: Path) -> dict[str, str]:
    """File → SHA-256 as CHECKSUMS.sha256 (the format of sha256sum) announces it. Raises `WeightsError`."""
    path = models_dir / CHECKSUMS
    try:
        lines = path.read_text().splitlines()
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path}: got no readable checksums; {_again(models_dir)}") from error
    expected: dict[str, str] = {}
    for line in lines:
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name or name.startswith("/") or ".." in Path(name).parts:
            raise WeightsError(f"{path}: got the line {line[:80]!r}, expected '<sha256>  <file>'; {_again(models_dir)}")
        expected[name] = digest
    return expected


def checksum_lines(models_dir: Path) -> str:
    """What CHECKSUMS.sha256 has to say about the files as they are now."""
    return "".join(f"{digest_of(models_dir / name)}  {name}\n" for name in _files(models_dir))


def install(source: Path, root: Path) -> Path:
    """Verify the folder of weights at `source` and copy it whole into `root`; return where it stands now.

    Raises `WeightsError` where `source` is not whole, or the name is taken by other weights.
    """
    announced = verify(source)
    target = root / read_manifest(source).name
    if target.exists():
        if verify(target) == announced:
            return target
        raise WeightsError(f"{target}: got other weights of that name there; remove that folder first")
    staged = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        shutil.copytree(source, staged)
        verify(staged)
        staged.rename(target)
    except OSError as error:
        raise WeightsError(
            f"{target}: cannot copy the weights ({error.strerror}); make room or choose another --to"
        ) from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return target


def digest_of(path: Path) -> str:
    """SHA-256 of a file, remembered until the file changes."""
    try:
        facts = path.stat()
        return _digest(path, facts.st_mtime_ns, facts.st_size)
    except OSError as error:
        raise WeightsError(f"{path}: cannot read it ({error.strerror}); check its permissions") from error


@cache
def _digest(path: Path, mtime_ns: int, size_bytes: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(models_dir: Path) -> Sequence[str]:
    paths = (path for path in models_dir.rglob("*") if path.is_file() and path.name != CHECKSUMS)
    return sorted(path.relative_to(models_dir).as_posix() for path in paths)


def _again(models_dir: Path) -> str:
    return f"copy the whole folder {models_dir.name} again from where it came and check it with `aiprod models verify`"
