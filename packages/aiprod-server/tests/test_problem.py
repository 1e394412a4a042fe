import json
from typing import get_args

import pytest
from pydantic import ValidationError

from aiprod_server.problem import DETAIL_CHARS, KINDS, Code, Problem


def test_members_of_both_forms():
    problem = Problem.of("invalid_request", "width: got 70, expected a multiple of 32; use 64", param="width")
    assert json.loads(problem.content()) == {
        "type": "urn:aiprod:problem:invalid-request",
        "title": "The request cannot be carried out as written",
        "status": 400,
        "detail": "width: got 70, expected a multiple of 32; use 64",
        "error": {
            "message": "width: got 70, expected a multiple of 32; use 64",
            "type": "invalid_request_error",
            "code": "invalid_request",
            "param": "width",
        },
    }


def test_instance_is_written_where_there_is_one():
    assert json.loads(Problem.of("not_found", "no job", instance="/api/v1/jobs/7").content())["instance"] == (
        "/api/v1/jobs/7"
    )


def test_every_code_has_a_kind():
    assert set(KINDS) == set(get_args(Code))
    for code, kind in KINDS.items():
        assert Problem.of(code, "x").status == kind.status


def test_any_prompt_can_be_quoted():
    problem = Problem.of("invalid_request", "prompt: got '" + "\x00\x1b[2J\ud800\n" * 200_000 + "'")
    assert len(problem.detail) == DETAIL_CHARS
    assert json.loads(problem.content())["detail"] == problem.detail


def test_a_problem_does_not_change():
    with pytest.raises(ValidationError):
        Problem.of("not_found", "x").status = 200
