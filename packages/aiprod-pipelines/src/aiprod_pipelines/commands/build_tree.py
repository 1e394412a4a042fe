"""A build as a tree that lives on stderr: a branch for each shot and one for the film, a leaf for each step.

Off a terminal it is a line for every step that is made.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text
from rich.tree import Tree

from aiprod_pipelines.film.build import News, OnNews, State
from aiprod_pipelines.film.plan import Plan

MARKS = {
    State.WAITING: ("○", "dim"),
    State.RUNNING: ("●", "yellow"),
    State.KEPT: ("·", "dim"),
    State.MADE: ("✓", "green"),
    State.FAILED: ("✗", "red"),
}


@contextmanager
def live_tree(plan: Plan, title: str) -> Iterator[OnNews]:
    """Show the build of `plan` while it runs; what is yielded takes its news."""
    tree = _BuildTree(plan, title)
    console = Console(stderr=True)
    if not console.is_terminal:
        yield tree.say
        return
    with Live(tree, console=console, refresh_per_second=8):
        yield tree.hear


def branch_and_leaf(name: str) -> tuple[str, str]:
    """The two parts of a name: "walk / shot" is ("walk", "shot")."""
    branch, _, leaf = name.partition(" / ")
    return branch, leaf


class _BuildTree:
    """What is known of every task, drawn anew each time."""

    def __init__(self, plan: Plan, title: str) -> None:
        self._title = title
        self._news = {task.name: News(task.name, State.WAITING) for task in plan}
        self._since_s: dict[str, float] = {}

    def hear(self, news: News) -> None:
        self._news[news.name] = news
        if news.state is State.RUNNING:
            self._since_s.setdefault(news.name, time.monotonic())

    def say(self, news: News) -> None:
        """A line for a task that has ended."""
        if news.state in (State.MADE, State.FAILED):
            typer.echo(f"{MARKS[news.state][0]} {news.name} {_words(news)}".rstrip(), err=True)

    def __rich__(self) -> Tree:
        ended = sum(news.state in (State.KEPT, State.MADE) for news in self._news.values())
        tree = Tree(f"[bold]{self._title}[/bold]  {ended}/{len(self._news)}")
        branches: dict[str, Tree] = {}
        for name, news in self._news.items():
            branch, leaf = branch_and_leaf(name)
            if branch not in branches:
                branches[branch] = tree.add(f"[bold]{branch}[/bold]")
            mark, colour = MARKS[news.state]
            words = _words(news)
            if news.state is State.RUNNING:
                words = f"{time.monotonic() - self._since_s[name]:.0f} s  {words}"
            branches[branch].add(Text(f"{mark} {leaf}  {words}", style=colour))
        return tree


def _words(news: News) -> str:
    match news.state:
        case State.RUNNING:
            return f"{news.share:.0%}" if news.share else ""
        case State.MADE:
            return f"{news.elapsed_s:.1f} s"
        case State.KEPT:
            return "kept"
        case _:
            return ""
