"""The build: real steps in real processes. What is kept is not made again; what fails is said; a kill loses nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from aiprod_pipelines.film.artifacts import Artifacts, Record
from aiprod_pipelines.film.build import BuildError, News, OnNews, State, StepBroken, build
from aiprod_pipelines.film.crew import Crew
from aiprod_pipelines.film.plan import Plan

PLENTY = 2**40
SOURCE = """
import sys
from pathlib import Path
from aiprod_pipelines.film.artifacts import Artifacts
sys.path.insert(0, sys.argv[2])
from test_build import built, plan_of
store = Artifacts(Path(sys.argv[1]))
built(plan_of(), store, workers=2, on_news=lambda news: print(news, flush=True))
"""


def sound(plan: Plan, task: str, **facts: object) -> str:
    return plan.add("synthesised", task, suffix=".wav", params={"what": "effect", "name": "bell", "seed": 0} | facts)


def built(
    plan: Plan, store: Artifacts, *, workers: int, on_news: OnNews, memory_bytes: int = PLENTY
) -> Mapping[str, Record]:
    with Crew(workers) as crew:
        return build(plan, store, crew, memory_bytes=memory_bytes, on_news=on_news)


def plan_of() -> Plan:
    plan = Plan()
    for seed in range(6):
        sound(plan, f"bell {seed}", seed=seed)
    return plan


def made(news: list[News]) -> list[str]:
    return [one.name for one in news if one.state is State.MADE]


def test_what_is_kept_is_not_made_again(tmp_path: Path) -> None:
    plan, store = plan_of(), Artifacts(tmp_path)
    first: list[News] = []
    kept = built(plan, store, workers=2, on_news=first.append)
    assert sorted(made(first)) == sorted(plan.tasks)
    again: list[News] = []
    same = built(plan, store, workers=2, on_news=again.append)
    assert {news.state for news in again} == {State.KEPT}
    assert {name: record.sha256 for name, record in same.items()} == {n: r.sha256 for n, r in kept.items()}


def test_another_number_of_workers_makes_the_same_bytes(tmp_path: Path) -> None:
    one = built(plan_of(), Artifacts(tmp_path / "1"), workers=1, on_news=lambda _: None)
    two = built(plan_of(), Artifacts(tmp_path / "2"), workers=3, on_news=lambda _: None)
    assert {name: record.sha256 for name, record in one.items()} == {n: r.sha256 for n, r in two.items()}


def test_memory_holds_steps_back(tmp_path: Path) -> None:
    plan = Plan()
    for seed in range(3):
        facts = {"what": "effect", "name": "bell", "seed": seed}
        plan.add("synthesised", str(seed), suffix=".wav", params=facts, memory_bytes=100)
    running, most = set(), 0

    def hear(news: News) -> None:
        nonlocal most
        running.add(news.name) if news.state is State.RUNNING else running.discard(news.name)
        most = max(most, len(running))

    built(plan, Artifacts(tmp_path), workers=3, memory_bytes=150, on_news=hear)
    assert most == 1


def test_a_crew_goes_on_to_the_next_build_as_it_is(tmp_path: Path) -> None:
    def children() -> set[str]:
        return set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())

    before = children()
    with Crew(2) as crew:
        build(plan_of(), Artifacts(tmp_path / "1"), crew, memory_bytes=PLENTY, on_news=lambda _: None)
        hired = children() - before
        build(plan_of(), Artifacts(tmp_path / "2"), crew, memory_bytes=PLENTY, on_news=lambda _: None)
        assert children() - before == hired
        assert len(hired) == 2
    assert children() == before


def test_a_step_that_fails_is_named_and_the_others_are_kept(tmp_path: Path) -> None:
    plan, store = Plan(), Artifacts(tmp_path)
    sound(plan, "good")
    sound(plan, "bad", name="no such sound")
    with pytest.raises(BuildError, match=r"^bad: .*no such sound") as caught:
        built(plan, store, workers=2, on_news=lambda _: None)
    assert not isinstance(caught.value, StepBroken)
    assert store.find(plan["good"].step) is not None
    assert store.find(plan["bad"].step) is None
    assert not [path for path in tmp_path.glob("??/.*") if "bad" in path.name]


def test_a_step_that_ends_as_nobody_foresaw_may_be_made_again(tmp_path: Path) -> None:
    plan = Plan()
    plan.add("synthesised", "odd", suffix=".wav", params={"what": "effect"})
    with pytest.raises(StepBroken, match=r"^odd: Traceback[^$]*KeyError: 'name'"):
        built(plan, Artifacts(tmp_path), workers=1, on_news=lambda _: None)


def test_a_worker_that_dies_is_said(tmp_path: Path) -> None:
    plan = plan_of()

    def kill(news: News) -> None:
        if news.state is State.RUNNING:
            for child in Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split():
                if b"film.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                    os.kill(int(child), signal.SIGKILL)

    with pytest.raises(StepBroken, match="want of memory"):
        built(plan, Artifacts(tmp_path), workers=1, on_news=kill)


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    whole = built(plan_of(), Artifacts(tmp_path / "whole"), workers=2, on_news=lambda _: None)
    command = [sys.executable, "-c", SOURCE, str(tmp_path / "killed"), str(Path(__file__).parent)]
    done: list[str] = []
    for _ in range(40):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if "MADE" in line:
                    done.append(line.split("name='")[1].split("'")[0])
                    process.kill()
                    break
        if process.returncode == 0:
            break
    assert process.returncode == 0
    assert len(done) == len(set(done)), "a finished step was made twice"
    time.sleep(0.5)  # workers notice that their parent is gone
    store = Artifacts(tmp_path / "killed")
    for task in plan_of():
        record = store.find(task.step)
        assert record is not None
        assert record.sha256 == whole[task.name].sha256
