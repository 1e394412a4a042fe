"""What renders of these tests work with: a tiny family of models, a storage, and the words that a child says."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tiny_family import write_tiny_family
from told import CLIP, Told, changed

from aiprod_server.orchestration.blocks import Orchestration
from aiprod_server.orchestration.config import default_path, load
from aiprod_server.storage import Storage
from aiprod_server.worker.child import Order
from aiprod_server.worker.context import Context


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture(scope="session")
def models_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the tiny family under its name."""
    root = tmp_path_factory.mktemp("models")
    write_tiny_family(root / "tiny")
    return root


@pytest.fixture(scope="session")
def shipped() -> Orchestration:
    """The configuration that comes with the program, which asks for room that a test's disk may not have."""
    read = load(default_path())
    return changed(read, local_storage={"min_free_bytes": 0}, creative_director={"llm_provider": "rules"})


@pytest.fixture
def context_with(tmp_path: Path, models_root: Path, shipped: Orchestration) -> Iterator[Callable[..., Context]]:
    """Makes a context of the shipped configuration, with some fields of some blocks changed."""
    made: list[Context] = []

    def make(**blocks: Mapping[str, Any]) -> Context:
        config = changed(shipped, **blocks)
        made.append(Context(storage=Storage(tmp_path / "storage"), config=config, models_root=str(models_root)))
        return made[-1]

    yield make
    for context in made:
        context.close()


@pytest.fixture
def order() -> Callable[..., Order]:
    """Makes an order of the tiny clip, with some fields of its request changed."""

    def make(number: int = 1, *, attempt: int = 1, steps: Mapping[str, str] | None = None, **request: Any) -> Order:
        return Order(
            job_id=f"job_{number:024x}",
            attempt=attempt,
            client="ann",
            request={**CLIP, **request},
            steps=dict(steps or {}),
        )

    return make
