"""A line of the log is one object that says whose request it is, and holds no secret."""

import io
import json
import logging
import logging.config

import pytest
from uvicorn.config import LOGGING_CONFIG

from aiprod_server.monitoring.logs import REQUEST_ID, configure

SECRET = "aip_live_abc_" + "S" * 40


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def test_a_line_is_one_object(stream: io.StringIO) -> None:
    configure("info", "json", stream)
    token = REQUEST_ID.set("abc")
    logging.getLogger("aiprod_server.queue").info(
        "kept %s\nand more", SECRET, extra={"facts": {"jobs": 2, "key": SECRET}}
    )
    REQUEST_ID.reset(token)
    (line,) = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert entry.pop("time").endswith("+00:00")
    assert entry == {
        "level": "info",
        "logger": "aiprod_server.queue",
        "message": "kept aip_live_abc_…\nand more",
        "request_id": "abc",
        "jobs": 2,
        "key": "aip_live_abc_…",
    }


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_trace_shows_no_folder_and_no_secret(stream: io.StringIO, form: str) -> None:
    configure("info", form, stream)  # type: ignore[arg-type]
    try:
        raise ValueError(f"{SECRET} in /home/someone/file.txt")
    except ValueError:
        logging.getLogger("aiprod_server").exception("failed")
    said = stream.getvalue()
    assert "ValueError" in said
    assert "test_logs.py" in said
    assert "SSSS" not in said
    assert "/home/" not in said


def test_a_text_line_is_short(stream: io.StringIO) -> None:
    configure("info", "text", stream)
    logging.getLogger("aiprod_server").warning("m" * 5000)
    said = stream.getvalue()
    assert " warning mmm" in said
    assert len(said) < 2100


def test_what_a_server_set_up_for_itself_before_is_replaced(stream: io.StringIO) -> None:
    logging.config.dictConfig(LOGGING_CONFIG)
    assert not logging.getLogger("uvicorn").propagate
    configure("info", "text", stream)
    logging.getLogger("uvicorn.error").info("started")
    assert len(stream.getvalue().splitlines()) == 1


def test_libraries_and_paths_with_query_strings_are_not_heard(stream: io.StringIO) -> None:
    configure("debug", "text", stream)
    for name in ("httpx", "sqlalchemy.engine", "python_multipart"):
        logging.getLogger(name).info("a prompt")
    logging.getLogger("uvicorn.access").info("GET /jobs/1?prompt=secret")
    assert stream.getvalue() == ""
    logging.getLogger("aiprod_pipelines.film").debug("heard")
    logging.getLogger("uvicorn.error").info("started")
    assert len(stream.getvalue().splitlines()) == 2
