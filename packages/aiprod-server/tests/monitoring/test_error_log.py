"""Alike errors are one row that counts; what strangers must not read is in none."""

import traceback

import pytest
import sqlalchemy as sa

from aiprod_server import database
from aiprod_server.monitoring.error_log import fingerprint, record, record_exception, top
from aiprod_server.redaction import redacted

OWN = '  File "/opt/app/aiprod_server/worker/clip.py", line {line}, in render_clips\n    render()\n'
DEEP = '  File "/opt/venv/lib/site-packages/torch/nn/module.py", line {line}, in {function}\n    x()\n'


def _trace(line: int = 1, function: str = "forward") -> str:
    frames = OWN.format(line=line) + DEEP.format(line=line, function=function)
    return f"Traceback (most recent call last):\n{frames}RuntimeError: no\n"


def test_alike_errors_are_one_row_with_the_latest_message(engine: sa.Engine) -> None:
    first = record(engine, "render", "RuntimeError", "out of 3 GB", _trace(10), "job_a", now_s=100.0)
    again = record(engine, "render", "RuntimeError", "out of 4 GB", _trace(99, "other"), "job_b", now_s=200.0)
    assert first == again
    (row,) = top(engine)
    assert (row.occurrences, row.first_at, row.last_at, row.last_job_id) == (2, 100.0, 200.0, "job_b")
    assert row.message == "out of 4 GB"
    assert '"aiprod_server/worker/clip.py", line 99, in render_clips' in row.trace


@pytest.mark.parametrize(
    "other",
    [
        ("gateway", "RuntimeError", "m", _trace()),
        ("render", "ValueError", "m", _trace()),
        ("render", "RuntimeError", "m", _trace().replace("render_clips", "render_film")),
        ("render", "RuntimeError", "m", _trace().replace("worker/clip", "worker/film")),
    ],
)
def test_another_source_kind_or_place_is_another_row(other: tuple[str, str, str, str]) -> None:
    assert fingerprint("render", "RuntimeError", "m", _trace()) != fingerprint(*other)


def test_without_a_trace_the_message_tells_without_its_numbers() -> None:
    of = fingerprint("worker", "Died", "job_0123456789abcdef: gone after 12 s", "")
    assert of == fingerprint("worker", "Died", "job_fedcba9876543210: gone after 99 s", "")
    assert of != fingerprint("worker", "Died", "job_0123456789abcdef: killed after 12 s", "")


def test_the_place_of_a_caught_exception_is_where_our_code_was(engine: sa.Engine) -> None:
    def broken(url: str) -> None:
        database.connect(url)

    seen = set()
    for url in ("sqlite:////nowhere/at/all.db", "sqlite:////nowhere/else.db"):
        with pytest.raises(Exception, match="does not exist") as caught:
            broken(url)
        seen.add(record_exception(engine, "gateway", caught.value, now_s=1.0))
    assert len(seen) == 1
    assert '"aiprod_server/database.py"' in top(engine)[0].trace


def test_no_secret_no_folder_and_nothing_that_a_database_refuses(engine: sa.Engine) -> None:
    secret = "aip_live_abc_" + "S" * 40
    try:
        raise ValueError(f"{secret} at /home/someone/films\0 \ud800")
    except ValueError as error:
        record(engine, "gateway", "ValueError" * 50, str(error), traceback.format_exc(), now_s=1.0)
    (row,) = top(engine)
    assert "SSSS" not in row.message + row.trace
    assert "/home/" not in row.message + row.trace
    assert len(row.kind) == 128
    assert row.trace == redacted(row.trace)


def test_a_long_trace_keeps_its_end(engine: sa.Engine) -> None:
    record(engine, "worker", "E", "m" * 5000, "x" * 50_000 + "the end", now_s=1.0)
    (row,) = top(engine)
    assert row.trace.endswith("the end")
    assert (len(row.message), len(row.trace)) == (1000, 20_000)


def test_the_most_frequent_come_first_and_no_more_than_asked(engine: sa.Engine) -> None:
    for kind, times in (("A", 1), ("B", 3), ("C", 2)):
        for moment in range(times):
            record(engine, "worker", kind, "m", now_s=float(moment))
    assert [row.kind for row in top(engine, 2)] == ["B", "C"]
