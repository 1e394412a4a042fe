"""What the document says is what the gateway does: some requests of each operation, right and wrong, all checks.

The thousands are in `benchmarks/contract.py`.
"""

from pathlib import Path

from asked_at_random import asked, gateway


def test_every_answer_is_as_the_document_says(tmp_path: Path) -> None:
    with gateway(tmp_path) as door:
        answers = asked(door, cases=2, phases=["fuzzing"], seed=1)
    assert {name: told.failures for name, told in answers.items() if told.failures} == {}
    assert sum(told.cases for told in answers.values()) >= 100
    assert all(told.cases for told in answers.values())
    assert max(status for told in answers.values() for status in told.statuses) < 500
