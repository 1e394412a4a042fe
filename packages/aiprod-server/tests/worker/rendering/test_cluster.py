"""Films on a real Ray cluster of two nodes on this machine, made by the child that a worker has."""

import json
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from aiprod_core.errors import InputError
from aiprod_server import settings
from aiprod_server.orchestration.config import default_path
from aiprod_server.worker import cluster as clusters
from aiprod_server.worker.child import Order
from aiprod_server.worker.process import RenderProcess

PROGRAM = (sys.executable, "-m", "aiprod_server.worker.child")
WAIT_S = 240.0
BOARD: Mapping[str, Any] = {
    "size": "64x64",
    "frame_rate": "10",
    "shots": [{"prompt": f"a red {subject}", "duration": 0.5} for subject in ("cat", "bird")],
}
REQUEST: Mapping[str, Any] = {"kind": "film", "tier": "eco", "model": "tiny", "seed_given": False, "storyboard": BOARD}
Nodes = Any  # of ray.cluster_utils.Cluster, and its nodes
Look = Callable[[], object]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    """A head that makes one step at a time; each test adds its own second node."""
    pytest.importorskip("ray", reason="Ray is not installed; see the extra `ray` of aiprod-server")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        from ray.cluster_utils import Cluster

        facts = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 80 * 2**20}
        started = Cluster(initialize_head=True, head_node_args=facts)
        yield started
        started.shutdown()


@pytest.fixture
def second(cluster: Nodes) -> Iterator[Nodes]:
    node = cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    yield node
    with suppress(KeyError):  # a test may have killed it
        cluster.remove_node(node, allow_graceful=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where storages stand, beside a configuration that makes no checks."""
    made = tmp_path_factory.mktemp("cluster")
    config = json.loads(default_path().read_bytes())
    config["localStorage"]["minFreeBytes"] = 0
    config["technicalQAGate"]["enabled"] = False
    (made / "config.json").write_text(json.dumps(config))
    return made


@pytest.fixture(scope="module")
def child(folder: Path, models_root: Path) -> Iterator[Callable[..., RenderProcess]]:
    """Starts children with a storage each, of a cluster's address or None."""
    started: list[RenderProcess] = []

    def start(storage: str, address: str | None) -> RenderProcess:
        env = {
            "AIPROD_CONFIG": str(folder / "config.json"),
            "AIPROD_STORAGE": str(folder / storage),
            "AIPROD_MODELS": str(models_root),
            "OMP_NUM_THREADS": "1",
        }
        started.append(RenderProcess(PROGRAM, env if address is None else env | {"AIPROD_RAY_ADDRESS": address}))
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture(scope="module")
def expected(child: Callable[..., RenderProcess]) -> dict[str, str]:
    """What one machine makes."""
    return made(given(child("alone", None)))


def given(process: RenderProcess) -> RenderProcess:
    """The child with the film in hand."""
    while not any("idle" in answer for answer in heard(process)):
        pass
    job_id = f"job_{1:024x}"
    process.give([Order(job_id=job_id, attempt=1, client="ann", request=REQUEST, steps={})])
    return process


def heard(process: RenderProcess) -> list[dict[str, Any]]:
    assert process.alive
    assert time.monotonic() - process.started_s < WAIT_S
    return process.answers(0.05)


def made(process: RenderProcess, look: Look = lambda: None) -> dict[str, str]:
    """SHA-256 of every step of the film in hand, and of its files; `look` is called now and then."""
    answers: list[dict[str, Any]] = []
    while not any("idle" in answer for answer in answers):
        answers += heard(process)
        look()
    assert [answer["failed"] for answer in answers if "failed" in answer] == []
    [done] = [answer["done"] for answer in answers if "done" in answer]
    found = {answer["step"]: answer["sha256"] for answer in answers if "step" in answer and answer["step"] != "deliver"}
    return found | {role: done["files"][role]["sha256"] for role in ("video", "poster", "contact", "storyboard")}


def makers() -> list[int]:
    """The raylets on whose behalf processes make steps now, each as often as it has one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            if b"aiprod_pipelines.film.worker" in (process / "cmdline").read_bytes():
                of_ray = parent(parent(int(process.name)))
                if b"raylet" in Path(f"/proc/{of_ray}/cmdline").read_bytes():
                    found.append(of_ray)
    return found


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def raylet(node: Nodes) -> int:
    [facts] = node.all_processes["raylet"]
    return int(facts.process.pid)


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_a_film_has_the_same_bytes_on_two_nodes_and_where_one_of_them_dies(
    cluster: Nodes, second: Nodes, child: Callable[..., RenderProcess], expected: dict[str, str]
) -> None:
    head, other = raylet(cluster.head_node), raylet(second)
    at_work: set[int] = set()
    assert made(given(child("shared", cluster.address)), lambda: at_work.update(makers())) == expected
    assert at_work == {head, other}

    process = given(child("other", cluster.address))
    until(lambda: other in makers())
    cluster.remove_node(second, allow_graceful=False)
    assert other not in makers()
    assert made(process) == expected


@pytest.mark.slow
def test_a_child_that_is_killed_frees_the_cluster(
    cluster: Nodes, second: Nodes, child: Callable[..., RenderProcess], expected: dict[str, str]
) -> None:
    process = given(child("killed", cluster.address))
    until(lambda: len(makers()) == 2)
    process.kill()
    until(lambda: not makers())
    assert made(given(child("killed", cluster.address))) == expected


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'aiprod-server\[ray\]'"):
        clusters.Cluster("10.0.0.1:6379")


@pytest.mark.parametrize("address", ["", "auto", "local", "ray://10.0.0.1:10001", "10.0.0.1"])
def test_a_cluster_is_named_by_its_head(address: str) -> None:
    with pytest.raises(InputError, match="AIPROD_RAY_ADDRESS"):
        settings.read(ray_address=address)


@pytest.mark.slow
def test_where_there_is_no_cluster_the_child_ends_before_its_first_order(child: Callable[..., RenderProcess]) -> None:
    pytest.importorskip("ray", reason="Ray is not installed; see the extra `ray` of aiprod-server")
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        process = child("alone", f"127.0.0.1:{taken.getsockname()[1]}")
        until(lambda: process.answers(0.05) == [] and not process.alive)
    assert process.kill() == "ended with exit status 1"
