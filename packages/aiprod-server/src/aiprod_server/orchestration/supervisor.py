"""The agent supervisor: what becomes of an order that was looked at. Rules, and no model."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from aiprod_server.orchestration.blocks import Supervisor

Decision: TypeAlias = Literal["approve", "escalate", "retry", "reject"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known of a render. `score`: share of what its prompt names that is seen, [0, 1]; None: not judged.

    `seed_is_ours`: the client chose none, so that another may be tried.
    """

    blocked: bool
    score: float | None
    retries: int
    seed_is_ours: bool


def decide(evidence: Evidence, rules: Supervisor) -> Decision:
    """A file that is not whole is made again or refused; one that shows too little is made again or looked at."""
    may_retry = evidence.seed_is_ours and evidence.retries < rules.max_retries
    if evidence.blocked:
        return "retry" if may_retry else "reject"
    if evidence.score is None or evidence.score >= rules.approve_at:
        return "approve"
    return "retry" if may_retry and evidence.score < rules.retry_at else "escalate"
