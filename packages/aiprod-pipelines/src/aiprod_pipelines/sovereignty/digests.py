"""SHA-256 of files too large to hash at every start, remembered from one run to the next.

A digest counts for as long as the file keeps its place, its size and its time of change; whoever restores all three
around other bytes is not found out until the cache is deleted. Weights of our own are hashed at every start instead.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from aiprod_core.errors import MediaError
from aiprod_pipelines import output
from aiprod_pipelines.sovereignty import provision

CACHE = Path("~/.cache/aiprod/digests.json").expanduser()


def remembered_digests(paths: Sequence[Path]) -> dict[Path, str]:
    """SHA-256 of every file, hashed only where it is new or changed. Raises `WeightsError` for one it cannot read."""
    known = _read()
    found: dict[Path, str] = {}
    fresh = {}
    for path in paths:
        facts = path.stat()
        key = f"{path.resolve()} {facts.st_size} {facts.st_mtime_ns}"
        found[path] = known.get(key) or provision.digest_of(path)
        if key not in known:
            fresh[key] = found[path]
    if fresh:
        _write(known | fresh)
    return found


def _read() -> dict[str, str]:
    try:
        content = json.loads(CACHE.read_text())
        return {str(key): str(digest) for key, digest in content.items()}
    except (OSError, ValueError, AttributeError):
        return {}  # absent or damaged: everything is hashed again


def _write(digests: dict[str, str]) -> None:
    try:
        CACHE.parent.mkdir(parents=True, exist_ok=True)
        output.save({CACHE: json.dumps(digests, indent=1).encode()})
    except (OSError, MediaError):
        return  # a home that cannot be written to costs time at the next start, nothing else
