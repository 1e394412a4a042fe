"""The tree of a build: every step with its state, and no longer than the terminal is high."""

import io

from rich.console import Console

from aiprod_pipelines.commands.build_tree import BuildTree
from aiprod_pipelines.film.build import News, State
from aiprod_pipelines.film.plan import Plan


def plan_of(shots: int) -> Plan:
    plan = Plan()
    for number in range(shots):
        for step in ("shot", "grade"):
            plan.add("synthesised", f"shot{number} / {step}", suffix=".wav", params={"step": step, "number": number})
    return plan


def drawn(tree: BuildTree) -> list[str]:
    written = io.StringIO()
    Console(width=80, file=written, color_system=None).print(tree)
    return written.getvalue().splitlines()


def test_every_step_has_its_state() -> None:
    tree = BuildTree(plan_of(2), "film.mp4", most_lines=40)
    tree.hear(News("shot0 / shot", State.MADE, 1.0, 12.34))
    tree.hear(News("shot0 / grade", State.RUNNING, 0.5))
    tree.hear(News("shot1 / shot", State.KEPT, 1.0, 9.9))
    lines = drawn(tree)
    assert lines[0] == "film.mp4  2/4"
    assert any("✓ shot  12.3 s" in line for line in lines)
    assert any("● grade" in line and "50%" in line for line in lines)
    assert any("· shot  kept" in line for line in lines)
    assert any("○ grade" in line for line in lines)


def test_a_long_film_fits_as_it_is_built() -> None:
    tree = BuildTree(plan_of(20), "film.mp4", most_lines=30)
    for number in range(18):
        for step in ("shot", "grade"):
            tree.hear(News(f"shot{number} / {step}", State.MADE, 1.0, 1.0))
    lines = drawn(tree)
    assert len(lines) <= 30
    assert any("✓ shot0  2.0 s" in line for line in lines)
    assert any("○ grade" in line for line in lines), "what is not done is shown whole"
