from pathlib import Path

import pytest

from aiprod_pipelines.film.artifacts import Artifacts
from aiprod_pipelines.film.plan import Plan, Task
from aiprod_server.worker import node
from aiprod_server.worker.node import BEGUN, Errand, made_here, releases


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    path = tmp_path / ".storage-1"
    path.touch()
    return path


def bell(**given: Path) -> Task:
    plan = Plan()
    params = {"what": "effect", "name": "bell", "seed": 0}
    return plan[plan.add("synthesised", "bell", suffix=".wav", params=params, given=given)]


def errand(task: Task, mark: Path, release: str | None = None) -> Errand:
    known = releases() if release is None else releases() | {"torch": release}
    return Errand(task=task, inputs=task.given, artifacts=mark.parent, mark=mark, releases=known)


def refused(errand: Errand) -> str:
    begun, answer = made_here(errand)
    assert begun == BEGUN
    assert answer["again"]
    return str(answer["error"])


def test_a_step_is_made_where_all_can_see_it(mark: Path) -> None:
    task = bell()
    answers = list(made_here(errand(task, mark)))
    node._worker(None).stop()
    node._worker.cache_clear()
    assert answers[-1] == {"kept": task.step.key}
    assert Artifacts(mark.parent).find(task.step) is not None


def test_a_process_that_dies_is_said_and_replaced(mark: Path) -> None:
    node._worker(None)._process.kill()
    assert "its process ended with status -9" in list(made_here(errand(bell(), mark)))[-1]["error"]
    assert node._worker.cache_info().currsize == 0


def test_a_node_that_cannot_see_the_storage_says_so(mark: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "SEEN_S", 0.0)
    elsewhere = mark.with_name(".storage-2")
    assert f"got no {elsewhere}, expected the storage and the weights under the same paths" in refused(
        errand(bell(), elsewhere)
    )


def test_another_release_would_make_other_bytes(mark: Path) -> None:
    assert "install the same release everywhere" in refused(errand(bell(), mark, release="1.0"))


def test_other_weights_are_not_taken_for_the_same(mark: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.write_bytes(b"these")
    task = bell(weights=weights)
    weights.write_bytes(b"others")
    assert f"{weights}: got SHA-256" in refused(errand(task, mark))
