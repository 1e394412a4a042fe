"""What the gateway answers to requests at random, against its OpenAPI document: schemathesis, all checks, one process.

Requests are made of the document: what each field's limits suggest, requests at random, right and wrong ones, and
sequences in which each takes what an earlier one gave. The gateway is on SQLite, with jobs that have files. A failure
is an answer that the document does not announce, wrong data that is let in, right data that is refused, a fault of the
service, or one of the other checks; set aside are refusals of what no document can say (`tests/asked_at_random.py`
names them). Prints a table and writes build/benchmarks/contract.json.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # where the gateway is asked
from asked_at_random import Told, asked, gateway

EACH, SEED, CASES_BAR = 100, 1, 5000
CONSOLE = Console(width=120)


def main() -> None:
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, gateway(Path(folder)) as door:
        answers = asked(door, cases=EACH, seed=SEED)
    took_s = time.perf_counter() - began
    cases = sum(told.cases for told in answers.values())
    failures = sum(told.failures.total() for told in answers.values())
    faults = sum(told.answered(5) for told in answers.values())
    met = cases >= CASES_BAR and failures == faults == 0
    show(answers)
    CONSOLE.print(
        f"{cases} cases, {failures} failures, {faults} answers of 500 and more in {took_s:.0f} s; bars: at least "
        f"{CASES_BAR} cases, no failure and no such answer: {'met' if met else 'missed'}"
    )
    rows = [{"operation": name, **told.as_row()} for name, told in answers.items()]
    told = {"cases": cases, "failures": failures, "faults": faults, "seed": SEED, "s": took_s, "met": met}
    path = Path("build/benchmarks/contract.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told | {"load": os.getloadavg()[0], "operations": rows}, indent=2) + "\n")


def show(answers: dict[str, Told]) -> None:
    """A row for each operation, and below it what was found."""
    table = Table("operation", "cases", "2xx", "4xx", "5xx", "set aside", "failures")
    for name, told in answers.items():
        classes = [
            sum(number for status, number in told.statuses.items() if status // 100 == kind) for kind in (2, 4, 5)
        ]
        table.add_row(name, *map(str, (told.cases, *classes, told.set_aside, told.failures.total())))
    CONSOLE.print(table)
    for name, told in answers.items():
        for found, number in told.failures.most_common(3):
            CONSOLE.print(f"{name}, {number} times: {found}", markup=False)


if __name__ == "__main__":
    main()
