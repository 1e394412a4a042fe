import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aiprod_server
from aiprod_core.errors import InputError
from aiprod_server.orchestration import config
from aiprod_server.orchestration.blocks import OUTCOMES, Agent, Verdict
from aiprod_server.orchestration.config import Orchestration, default_path, load

PATH = default_path()
SHIPPED = json.loads(PATH.read_text())


@pytest.fixture
def wrong(tmp_path: Path) -> Callable[..., list[str]]:
    """What `load` says of the shipped file with some values put at dotted paths; `...` takes one out."""

    def told(**changes: Any) -> list[str]:
        document = copy.deepcopy(SHIPPED)
        for place, value in changes.items():
            *way, last = place.split("__")
            inner = document
            for step in way:
                inner = inner[step]
            if value is ...:
                del inner[last]
            else:
                inner[last] = value
        path = tmp_path / "config.json"
        path.write_text(json.dumps(document))
        with pytest.raises(InputError) as caught:
            load(path)
        first, *lines = str(caught.value).splitlines()
        assert first.startswith(f"{path}: got {len(lines)} wrong")
        return lines

    return told


def test_shipped_file_is_whole_and_sovereign() -> None:
    read = load(PATH)
    assert PATH.name == "AIPROD_V34_SOVEREIGN.json"
    assert [*SHIPPED] == [field.alias for field in Orchestration.model_fields.values()]
    assert read.render_executor.backend == "aiprod_sovereign"
    assert read.financial_orchestrator.backend_priority == ("aiprod_sovereign",)
    assert read.dynamic_pricing.sources == ("internal_gpu_meter",)
    assert set(read.orchestrator.states.values()) == set(Agent)
    assert set(read.orchestrator.terminal.values()) == set(Verdict)
    assert read.tier("eco").pipeline == "distilled"


def test_gateway_reads_it_without_torch() -> None:
    code = (
        "import sys; from aiprod_server.orchestration.config import default_path, load; load(default_path());"
        "print(sorted({'torch', 'numpy', 'av'} & sys.modules.keys()))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


def test_packaged_file_is_taken_where_there_is_no_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(config, "CHECKOUT", [tmp_path / "no.json"])
    assert default_path().parent == Path(aiprod_server.__path__[0])


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("renderExecutor__tiers__eco__steps", 0, "got 0, expected greater than or equal to 1"),
        ("renderExecutor__tiers__eco__steps", "4", "got '4', expected a valid integer"),
        ("renderExecutor__tiers__eco__steps", True, "got true, expected a valid integer"),
        ("renderExecutor__backend", "veo3", "got 'veo3', expected 'aiprod_sovereign'"),
        ("financialOrchestrator__backendPriority", [], "got a list of 0, "),
        ("semanticQA__threshold", 2, "got 2, expected less than or equal to 1"),
        ("supervisor__approveAt", ..., "got nothing, expected a value"),
        ("technicalQAGate__blocking", ["blackness"], "got 'blackness', expected 'unreadable'"),
        ("orchestrator__terminal__DELIVERED", "done", "got 'done', expected 'approved', 'escalated' or 'rejected'"),
        ("renderExecutor__tiers__eco__step", 4, "no such field; did you mean 'steps'?"),
        ("localStorage__retentionDay", 4, "no such field; did you mean 'retentionDays'?"),
        ("googleCloudServices", {}, "no such field; expected one of orchestrator, "),
        ("creativeDirector__llmProvider", "google", "got 'google', expected 'local' or 'rules'"),
        ("supervisor__maxRetries", 99, "got 99, expected less than or equal to 10"),
        # What no field can know alone.
        ("creativeDirector__llmModel", None, "got nothing, expected a folder, or llmProvider 'rules'"),
        ("visualTranslator__clipCamera", "panleft", "got 'panleft', no such camera; did you mean 'pan-left'?"),
        ("renderExecutor__tiers__eco__steps", 9, "got 9, expected at most maxSteps, 8"),
        ("renderExecutor__tiers__premium__sizePx", 1024, "got 1024, expected at most renderExecutor.maxSidePx"),
        ("supervisor__retryAt", 0.7, "got 0.7, expected at most supervisor.approveAt"),
        ("financialOrchestrator__tiers__eco", ..., "got nothing, expected a price for renderExecutor.tiers.eco"),
        # Machines that would get stuck.
        ("orchestrator__initial", "INITT", "got 'INITT', no such state; did you mean 'INIT'?"),
        ("orchestrator__transitions__QA_SEMANTIC__judged", "END", "got 'END', no such state; expected one of INIT, "),
        ("orchestrator__transitions__QA_SEMANTIC__judge", "REJECTED", "no such outcome of semanticQA; did you mean"),
        ("orchestrator__transitions__QA_TECHNICAL__blocked", ..., "got nothing, expected the state after it"),
        ("orchestrator__transitions__DELIVERED", {}, "got 'DELIVERED', no such state; expected one of"),
        ("orchestrator__terminal__INIT", "approved", "got it among the states too, expected one of them"),
    ],
)
def test_every_mistake_is_named_with_its_path(
    wrong: Callable[..., list[str]], place: str, value: Any, said: str
) -> None:
    assert any(line.startswith(f"{place.replace('__', '.')}") and said in line for line in wrong(**{place: value}))


def test_all_mistakes_are_told_at_once(wrong: Callable[..., list[str]]) -> None:
    told = wrong(renderExecutor__threads=0, localStorage__retentionDays=-1, supervisor=...)
    assert sorted(line.partition(":")[0] for line in told) == [
        "localStorage.retentionDays",
        "renderExecutor.threads",
        "supervisor",
    ]


def test_states_that_cannot_be_reached_or_left(wrong: Callable[..., list[str]]) -> None:
    assert wrong(
        orchestrator__states__WAITING="inputSanitizer", orchestrator__transitions__WAITING={"clean": "INIT"}
    ) == ["orchestrator.states.WAITING: got no way to it from INIT, expected one; leave it out"]
    assert "orchestrator.terminal.REJECTED: got no way to it from INIT, expected one; leave it out" in wrong(
        orchestrator__transitions__SUPERVISION__reject="DELIVERED"
    )
    circle = wrong(orchestrator__transitions__RENDER_EXECUTION__rendered="VISUAL_TRANSLATION")
    assert "orchestrator.states.RENDER_EXECUTION: got no way from it to a terminal state, expected one" in circle


def test_nothing_is_delivered_that_was_not_rendered_and_translated(wrong: Callable[..., list[str]]) -> None:
    around = "orchestrator.transitions: got a way around {}, expected it before anything {}"
    assert wrong(orchestrator__transitions__VISUAL_TRANSLATION__planned="QA_TECHNICAL")[-1] == around.format(
        "renderExecutor", "is delivered"
    )
    assert around.format("visualTranslator", "is rendered") in wrong(
        orchestrator__transitions__ANALYSIS__fast="RENDER_EXECUTION"
    )


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b'{"orchestrator": {\n  "initial": }', "got no JSON at line 2, column 14 (Expecting value)"),
        (b"", "got no JSON at line 1, column 1"),
        (b"\xff\xfe", "got no JSON in UTF-8"),
        (b'{"supervisor": {}, "supervisor": {}}', "'supervisor' stands twice in one object"),
        (b'{"supervisor": {"approveAt": NaN}}', "NaN is no number"),
        (b"[" * 100_000, "nested too deep"),
        (b"[]", "the file: got a list of 0, expected"),
    ],
)
def test_what_is_no_json_is_told_with_its_place(tmp_path: Path, written: bytes, said: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(written)
    with pytest.raises(InputError) as caught:
        load(path)
    assert said in str(caught.value)
    with pytest.raises(InputError, match="cannot read it"):
        load(tmp_path / "absent.json")


def test_tier_that_is_not_offered() -> None:
    with pytest.raises(InputError, match="tier: got 'gold', expected one of eco, standard, premium"):
        load(PATH).tier("gold")


def test_outcomes_of_the_shipped_machine_are_those_of_its_agents() -> None:
    machine = load(PATH).orchestrator
    for name, leads in machine.transitions.items():
        assert set(leads) == set(OUTCOMES[machine.states[name]])
