import hashlib
import os
from pathlib import Path

import pytest

from aiprod_pipelines.sovereignty import digests, provision


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "CACHE", tmp_path / "cache" / "digests.json")


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were read, whatever else remembers their digests."""
    seen: list[Path] = []

    def read(path: Path) -> str:
        seen.append(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(provision, "digest_of", read)
    return seen


def test_a_file_is_hashed_once_for_each_change(tmp_path: Path, hashed: list[Path]) -> None:
    file = tmp_path / "weights"
    for content in (b"first", b"other"):
        file.write_bytes(content)
        os.utime(file, ns=(0, len(hashed)))
        for _ in range(2):
            assert digests.remembered_digests([file]) == {file: hashlib.sha256(content).hexdigest()}
    assert hashed == [file, file]


def test_a_damaged_cache_is_no_cache(tmp_path: Path, hashed: list[Path]) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"x")
    digests.CACHE.parent.mkdir()
    for content in ("{", "[1]"):
        digests.CACHE.write_text(content)
        digests.remembered_digests([file])
    assert len(hashed) == 2


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, hashed: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"x")
    monkeypatch.setattr(digests, "CACHE", file / "digests.json")
    digests.remembered_digests([file])
    digests.remembered_digests([file])
    assert len(hashed) == 2
