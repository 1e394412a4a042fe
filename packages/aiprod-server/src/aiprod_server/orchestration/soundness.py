"""What makes no sense in an orchestration whose every field is right by itself, and why its machine would get stuck.

Each function gives sentences that begin with the path of a field; none means that all is well.
"""

from collections.abc import Iterable, Iterator

from aiprod_core.camera import TAGS
from aiprod_pipelines.film.form import near
from aiprod_server.orchestration.blocks import OUTCOMES, Agent, Orchestration, Orchestrator, Verdict


def contradictions(read: Orchestration) -> Iterator[str]:
    """What no field can know alone."""
    first = read.financial_orchestrator.backend_priority[0]
    if first != read.render_executor.backend:
        yield f"financialOrchestrator.backendPriority.0: got {first!r}, expected renderExecutor.backend"
    for name, tier in read.render_executor.tiers.items():
        place = f"renderExecutor.tiers.{name}"
        if name not in read.financial_orchestrator.tiers:
            yield f"financialOrchestrator.tiers.{name}: got nothing, expected a price for {place}"
        if tier.steps > tier.max_steps:
            yield f"{place}.steps: got {tier.steps}, expected at most maxSteps, {tier.max_steps}"
        if tier.size_px > read.render_executor.max_side_px:
            yield f"{place}.sizePx: got {tier.size_px}, expected at most renderExecutor.maxSidePx"
    if read.supervisor.retry_at > read.supervisor.approve_at:
        yield f"supervisor.retryAt: got {read.supervisor.retry_at:g}, expected at most supervisor.approveAt"
    camera = read.visual_translator.clip_camera
    if camera is not None and camera not in TAGS:
        yield f"visualTranslator.clipCamera: got {camera!r}, no such camera; {near(camera, [*TAGS])}"
    if read.creative_director.llm_provider == "local" and read.creative_director.llm_model is None:
        yield "creativeDirector.llmModel: got nothing, expected a folder, or llmProvider 'rules'"


def stuck(machine: Orchestrator) -> Iterator[str]:
    """Why a machine would get stuck, or deliver nothing."""
    every = [*machine.states, *machine.terminal]
    if machine.initial not in machine.states:
        known = near(machine.initial, [*machine.states])
        yield f"orchestrator.initial: got {machine.initial!r}, no such state; {known}"
    for name in machine.terminal:
        if name in machine.states:
            yield f"orchestrator.terminal.{name}: got it among the states too, expected one of them"
    for name, leads in machine.transitions.items():
        place = f"orchestrator.transitions.{name}"
        if name not in machine.states:
            yield f"{place}: got {name!r}, no such state; {near(name, [*machine.states])}"
            continue
        agent = machine.states[name]
        for word, to in leads.items():
            if word not in OUTCOMES[agent]:
                yield f"{place}.{word}: no such outcome of {agent}; {near(word, [*OUTCOMES[agent]])}"
            if to not in every:
                yield f"{place}.{word}: got {to!r}, no such state; {near(to, every)}"
    for name, agent in machine.states.items():
        for word in OUTCOMES[agent]:
            if word not in machine.transitions.get(name, {}):
                yield f"orchestrator.transitions.{name}.{word}: got nothing, expected the state after it"
    yield from _unreached(machine, every)


def _unreached(machine: Orchestrator, every: Iterable[str]) -> Iterator[str]:
    reached = _reached(machine)
    for name in every:
        if name not in reached:
            group = "terminal" if name in machine.terminal else "states"
            yield f"orchestrator.{group}.{name}: got no way to it from {machine.initial}, expected one; leave it out"
    for name in machine.states:
        if name in reached and not _reached(machine, begin=name) & machine.terminal.keys():
            yield f"orchestrator.states.{name}: got no way from it to a terminal state, expected one"
    delivering = {name for name, verdict in machine.terminal.items() if verdict is not Verdict.REJECTED}
    for agent, before in ((Agent.TRANSLATOR, "is rendered"), (Agent.RENDERER, "is delivered")):
        ends = delivering if agent is Agent.RENDERER else _states_of(machine, Agent.RENDERER)
        if _reached(machine, shut=_states_of(machine, agent)) & ends:
            yield f"orchestrator.transitions: got a way around {agent}, expected it before anything {before}"


def _states_of(machine: Orchestrator, agent: Agent) -> set[str]:
    return {name for name, works in machine.states.items() if works is agent}


def _reached(machine: Orchestrator, *, begin: str | None = None, shut: Iterable[str] = ()) -> set[str]:
    """The states that can come after `begin`, or after the first, itself too, without going through `shut`."""
    closed, found = set(shut), set()
    waiting = [begin or machine.initial]
    while waiting:
        name = waiting.pop()
        if name not in found and name not in closed:
            found.add(name)
            waiting += machine.transitions.get(name, {}).values()
    return found
