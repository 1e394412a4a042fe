"""The way of one order through the states of the orchestration. Pure: knows neither what agents do nor of what."""

from collections.abc import Callable, Mapping

from aiprod_core.errors import AiprodError
from aiprod_server.orchestration.blocks import Agent, Orchestrator, Verdict


class EndlessWay(AiprodError):
    """An order that changed its state more often than it may: the machine leads it in circles."""


class Way:
    """Where an order stands, and whose turn it is. `state`: its name; `transitions`: how many led there."""

    def __init__(self, rules: Orchestrator, on_state: Callable[[str], None]) -> None:
        """At the first state. `on_state` is told every state that is entered, the first one too."""
        self._rules, self._on_state = rules, on_state
        self.state, self.transitions = rules.initial, 0
        on_state(self.state)

    @property
    def agent(self) -> Agent | None:
        """Who works now; None at the end."""
        return self._rules.states.get(self.state)

    @property
    def verdict(self) -> Verdict | None:
        """How it ended; None on the way."""
        return self._rules.terminal.get(self.state)

    def go_on(self, outcome: str) -> None:
        """Enter the state that `outcome` of the one who works leads to.

        Raises:
            EndlessWay: it was one transition too many.
        """
        if self.transitions == self._rules.max_transitions:
            raise EndlessWay(
                f"orchestrator.maxTransitions: got more than {self.transitions} of one order, in {self.state} last; "
                "mend the transitions that lead in a circle"
            )
        self.transitions += 1
        self.state = self._rules.transitions[self.state][outcome]
        self._on_state(self.state)

    def work(self, agents: Mapping[Agent, Callable[[], str]]) -> None:
        """Let `agents` work, each giving its outcome, until the end, or until it is the turn of another.

        Raises:
            EndlessWay: as `go_on` does; and whatever an agent raises.
        """
        while self.agent is not None and self.agent in agents:
            self.go_on(agents[self.agent]())
