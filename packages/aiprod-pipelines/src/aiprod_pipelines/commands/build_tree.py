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
ENDED = (State.KEPT, State.MADE)


@contextmanager
def live_tree(plan: Plan, title: str) -> Iterator[OnNews]:
    """Show the build of `plan` while it runs; what is yielded takes its news."""
    console = Console(stderr=True)
    tree = BuildTree(plan, title, most_lines=console.height - 2)
    if not console.is_terminal:
        yield tree.say
        return
    with Live(tree, console=console, refresh_per_second=8):
        yield tree.hear


def branch_and_leaf(name: str) -> tuple[str, str]:
    """The two parts of a name: "walk / shot" is ("walk", "shot")."""
    branch, _, leaf = name.partition(" / ")
    return branch, leaf


class BuildTree:
    """What is known of every task, drawn anew each time; where that is too long, a branch that is done is one line."""

    def __init__(self, plan: Plan, title: str, *, most_lines: int) -> None:
        self._title, self._most_lines = title, most_lines
        self._news = {task.name: News(task.name, State.WAITING) for task in plan}
        self._since_s: dict[str, float] = {}

    def hear(self, news: News) -> None:
        """Take in what has become of a task."""
        self._news[news.name] = news
        if news.state is State.RUNNING:
            self._since_s.setdefault(news.name, time.monotonic())

    def say(self, news: News) -> None:
        """A line for a task that has ended."""
        if news.state in (State.MADE, State.FAILED):
            typer.echo(f"{MARKS[news.state][0]} {news.name} {_words(news)}".rstrip(), err=True)

    def __rich__(self) -> Tree:
        branches: dict[str, list[News]] = {}
        for name, news in self._news.items():
            branches.setdefault(branch_and_leaf(name)[0], []).append(news)
        ended = sum(news.state in ENDED for news in self._news.values())
        tree = Tree(f"[bold]{self._title}[/bold]  {ended}/{len(self._news)}")
        short = 1 + len(branches) + len(self._news) > self._most_lines
        for branch, leaves in branches.items():
            if short and all(news.state in ENDED for news in leaves):
                made_s = sum(news.elapsed_s for news in leaves if news.state is State.MADE)
                tree.add(Text(f"✓ {branch}  {made_s:.1f} s", style="green"))
                continue
            grown = tree.add(f"[bold]{branch}[/bold]")
            for news in leaves:
                mark, colour = MARKS[news.state]
                grown.add(Text(f"{mark} {branch_and_leaf(news.name)[1]}  {self._progress(news)}", style=colour))
        return tree

    def _progress(self, news: News) -> str:
        if news.state is not State.RUNNING:
            return _words(news)
        return f"{time.monotonic() - self._since_s[news.name]:.0f} s  {_words(news)}"


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
