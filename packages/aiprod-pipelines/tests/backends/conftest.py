"""Tiny LTX-2 weights of every version, written once, and a cache of digests that is not the user's own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_ltx2 import PROMPT, write_single_file, write_tiny_ltx2

from aiprod_core.types import GenerationConfig
from aiprod_pipelines.sovereignty import digests

Write = Callable[[str], Path]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "CACHE", tmp_path / "cache" / "digests.json")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Write:
    """The folder of a version as diffusers writes it; copy it before changing it."""
    root = tmp_path_factory.mktemp("ltx2")

    def written(version: str) -> Path:
        if not (root / version).exists():
            write_tiny_ltx2(root / version, version)
        return root / version

    return written


@pytest.fixture(scope="session")
def single_file(folder: Write, tmp_path_factory: pytest.TempPathFactory) -> Write:
    """The same weights as one file with official names; copy its folder before changing it."""
    root = tmp_path_factory.mktemp("ltx2-single")
    files: dict[str, Path] = {}

    def written(version: str) -> Path:
        if version not in files:
            files[version] = write_single_file(folder(version), root / version)
        return files[version]

    return written


@pytest.fixture
def request_of() -> Callable[..., GenerationConfig]:
    """A small legal request, changed by what is named."""

    def changed(**wanted: object) -> GenerationConfig:
        small = {"width": 64, "height": 64, "num_frames": 9, "frame_rate": 24.0, "num_inference_steps": 2, "seed": 1}
        return GenerationConfig(**({"prompt": PROMPT, "guidance_scale": 3.0} | small | wanted))  # type: ignore[arg-type]

    return changed
