import pytest

from aiprod_server.orchestration.blocks import Agent, Orchestrator, Verdict
from aiprod_server.orchestration.config import default_path, load
from aiprod_server.orchestration.machine import EndlessWay, Way

RULES = load(default_path()).orchestrator
OUTCOMES = {
    Agent.SANITIZER: "clean",
    Agent.FAST_TRACK: "full",
    Agent.DIRECTOR: "told",
    Agent.TRANSLATOR: "planned",
    Agent.RENDERER: "rendered",
    Agent.TECHNICAL: "passed",
    Agent.SEMANTIC: "judged",
}


def test_order_goes_the_whole_way() -> None:
    seen: list[str] = []
    way = Way(RULES, seen.append)
    way.work({agent: lambda said=said: said for agent, said in (OUTCOMES | {Agent.SUPERVISOR: "approve"}).items()})
    assert seen == [*RULES.states, "DELIVERED"]
    assert way.verdict is Verdict.APPROVED
    assert way.agent is None
    assert way.transitions == 8


def test_it_waits_for_whom_is_not_there() -> None:
    way = Way(RULES, lambda state: None)
    agents = {agent: lambda said=said: said for agent, said in OUTCOMES.items()}
    del agents[Agent.RENDERER]
    way.work(agents)
    assert (way.agent, way.verdict) == (Agent.RENDERER, None)
    way.go_on("rendered")
    way.work(agents)
    assert way.agent is Agent.SUPERVISOR
    way.go_on("retry")
    assert way.agent is Agent.RENDERER
    way.go_on("rendered")
    way.work(agents)
    way.go_on("reject")
    assert way.verdict is Verdict.REJECTED


def test_fast_track_leaves_the_director_out() -> None:
    seen: list[str] = []
    way = Way(RULES, seen.append)
    way.work({Agent.SANITIZER: lambda: "clean", Agent.FAST_TRACK: lambda: "fast", Agent.TRANSLATOR: lambda: "planned"})
    assert seen == ["INIT", "ANALYSIS", "VISUAL_TRANSLATION", "RENDER_EXECUTION"]


@pytest.mark.parametrize("most", [3, 9])
def test_circles_end(most: int) -> None:
    rules = RULES.model_copy(update={"max_transitions": most})
    way = Way(rules, lambda state: None)
    with pytest.raises(EndlessWay, match=f"got more than {most} of one order"):
        way.work({agent: lambda said=said: said for agent, said in (OUTCOMES | {Agent.SUPERVISOR: "retry"}).items()})
    assert way.transitions == most


def test_other_machines_are_run_as_they_are_written() -> None:
    rules = Orchestrator.model_validate(
        {
            "initial": "A",
            "states": {"A": "visualTranslator", "B": "renderExecutor"},
            "terminal": {"END": "escalated"},
            "transitions": {"A": {"planned": "B"}, "B": {"rendered": "END"}},
            "maxTransitions": 2,
        }
    )
    way = Way(rules, lambda state: None)
    way.work({Agent.TRANSLATOR: lambda: "planned", Agent.RENDERER: lambda: "rendered"})
    assert way.verdict is Verdict.ESCALATED
