import pytest

from aiprod_server.orchestration.blocks import Supervisor
from aiprod_server.orchestration.supervisor import Decision, Evidence, decide

RULES = Supervisor(approve_at=0.6, retry_at=0.4, max_retries=1)


@pytest.mark.parametrize(
    ("blocked", "score", "retries", "ours", "decision"),
    [
        (False, 1.0, 0, True, "approve"),
        (False, 0.6, 0, True, "approve"),
        (False, None, 0, True, "approve"),
        (False, 0.5, 0, True, "escalate"),
        (False, 0.4, 0, True, "escalate"),
        (False, 0.39, 0, True, "retry"),
        (False, 0.39, 1, True, "escalate"),
        (False, 0.39, 0, False, "escalate"),
        (True, 1.0, 0, True, "retry"),
        (True, None, 1, True, "reject"),
        (True, 1.0, 0, False, "reject"),
    ],
)
def test_rules(blocked: bool, score: float | None, retries: int, ours: bool, decision: Decision) -> None:
    evidence = Evidence(blocked=blocked, score=score, retries=retries, seed_is_ours=ours)
    assert decide(evidence, RULES) == decision


def test_every_rule_can_be_changed() -> None:
    poor = Evidence(blocked=False, score=0.3, retries=1, seed_is_ours=True)
    assert decide(poor, RULES) == "escalate"
    assert decide(poor, RULES.model_copy(update={"max_retries": 2})) == "retry"
    assert decide(poor, RULES.model_copy(update={"max_retries": 2, "retry_at": 0.2})) == "escalate"
    assert decide(poor, RULES.model_copy(update={"approve_at": 0.3, "retry_at": 0.0})) == "approve"
